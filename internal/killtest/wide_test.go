//go:build linux && (amd64 || arm64) && !isthmus_nofutex

package killtest_test

import (
	"context"
	"encoding/binary"
	"fmt"

	"github.com/isthmus-go/isthmus/ring"
	"github.com/isthmus-go/isthmus/shm"
)

// A BytesMPMC, with messages of one chunk and of three.

const wideRoom = 16 * 64

// packWide makes a message of 24 bytes, or of 160.
func packWide(n uint64) []byte {
	b := make([]byte, 24)
	if n%2 == 0 || n == others {
		b = make([]byte, 160)
	}
	for i := range len(b) / 8 {
		binary.NativeEndian.PutUint64(b[8*i:], n+uint64(i))
	}
	return b
}

func unpackWide(b []byte, err error) (uint64, error) {
	if err != nil {
		return 0, err
	}
	if len(b) < 24 {
		return 0, fmt.Errorf("message of %d bytes: %x", len(b), b)
	}
	n := binary.NativeEndian.Uint64(b)
	if string(b) != string(packWide(n)) {
		return 0, fmt.Errorf("torn message: %x", b)
	}
	return n, nil
}

type wideEnd struct{ q *ring.BytesMPMC }

func (e wideEnd) tryPush(n uint64) error                   { return e.q.TryPush(packWide(n)) }
func (e wideEnd) push(ctx context.Context, n uint64) error { return e.q.Push(ctx, packWide(n)) }

func (e wideEnd) pushAll(ctx context.Context, ns []uint64) (int, error) {
	var bs [][]byte
	for _, n := range ns {
		bs = append(bs, packWide(n))
	}
	return e.q.PushAll(ctx, bs)
}

func (e wideEnd) reserve(ctx context.Context, n uint64) error {
	b := packWide(n)
	r, err := e.q.Reserve(ctx, len(b)+16)
	if err != nil {
		return err
	}
	copy(r.Bytes(), b)
	return r.Commit(len(b))
}

func (e wideEnd) tryPop() (uint64, error)                 { return unpackWide(e.q.TryPop(nil)) }
func (e wideEnd) pop(ctx context.Context) (uint64, error) { return unpackWide(e.q.Pop(ctx, nil)) }

func (e wideEnd) popInto(ctx context.Context, n int) (ns []uint64, err error) {
	lens := make([]int, n)
	b, n, err := e.q.PopInto(ctx, nil, lens)
	if err != nil {
		return nil, noneOf(n+len(b), err)
	}
	for _, l := range lens[:n] {
		m, err := unpackWide(b[:l], nil)
		if err != nil {
			return ns, err
		}
		ns, b = append(ns, m), b[l:]
	}
	return ns, nil
}

func (e wideEnd) next(ctx context.Context) (uint64, error) {
	l, err := e.q.Next(ctx)
	if err != nil {
		return 0, err
	}
	n, err := unpackWide(l.Bytes(), nil)
	if rerr := l.Release(); rerr != nil {
		return 0, rerr
	}
	return n, err
}

func (e wideEnd) close() error  { return e.q.Close() }
func (e wideEnd) detach() error { return nil }

// wideClaim does as much as names somebody who is to die.
func wideClaim(seg *shm.Segment, d death) {
	q := must(ring.NewBytesMPMC(seg, "q", wideRoom))
	if d == inPush {
		must(q.Reserve(context.Background(), len(packWide(0))))
	} else {
		must(q.Next(context.Background()))
	}
}

// wideRepairs are operations that find what somebody dead has left.
func wideRepairs(pop, next func(e end) result) (ops []operation) {
	for _, r := range []struct {
		name string
		c    popScene
		do   func(e end) result
	}{
		{"PopInto, a producer dead", popScene{n: 1, dead: inPush, prefill: 2}, pop},
		{"PopInto, a reader dead", popScene{n: 1, dead: inReading, prefill: 1}, pop},
		{"PopInto, a taker dead", popScene{n: 1, dead: inFreeing, prefill: 2}, pop},
		{"Next, Release, a reader dead", popScene{n: 1, dead: inReading, prefill: 1, lent: true}, next},
	} {
		r.c.kind = "BytesMPMC"
		ops = append(ops, operation{name: "BytesMPMC " + r.name, ring: "BytesMPMC", play: r.c.play, victim: func(v *victim) func() result {
			e := must(newEnd("BytesMPMC", v.seg, consumer))
			return func() result { return r.do(e) }
		}})
	}
	for _, r := range []struct {
		name string
		dead death
	}{
		{"Push, a producer dead", inPush},
		{"Push, sleeping, a reader dead", inReading},
		{"Push, a taker dead", inFreeing},
	} {
		c := pushScene{kind: "BytesMPMC", n: 1, full: true, dead: r.dead}
		ops = append(ops, operation{name: "BytesMPMC " + r.name, ring: "BytesMPMC", play: c.play, victim: func(v *victim) func() result {
			e := must(newEnd("BytesMPMC", v.seg, producer))
			return func() result { return failed(e.push(context.Background(), v.message(0))) }
		}})
	}
	return ops
}
