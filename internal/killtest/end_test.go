//go:build linux && (amd64 || arm64) && !isthmus_nofutex

package killtest_test

import (
	"context"
	"encoding/binary"
	"fmt"

	"github.com/isthmus-go/isthmus/ring"
	"github.com/isthmus-go/isthmus/shm"
)

// message carries a number three times, so that half of one shows.
type message struct{ N, Not, Times uint64 }

func pack(n uint64) message { return message{n, ^n, n * 0x9e3779b97f4a7c15} }

func (m message) number() (uint64, error) {
	if m != pack(m.N) {
		return 0, fmt.Errorf("torn message: %x", m)
	}
	return m.N, nil
}

// packBytes makes a message of 24 to 48 bytes.
func packBytes(n uint64) []byte {
	b := make([]byte, 24+8*(n%4))
	for i := range len(b) / 8 {
		binary.NativeEndian.PutUint64(b[8*i:], n+uint64(i))
	}
	return b
}

func unpackBytes(b []byte) (uint64, error) {
	if len(b) < 24 {
		return 0, fmt.Errorf("message of %d bytes: %x", len(b), b)
	}
	n := binary.NativeEndian.Uint64(b)
	if string(b) != string(packBytes(n)) {
		return 0, fmt.Errorf("torn message: %x", b)
	}
	return n, nil
}

// end is one end of a ring of any kind, or both.
type end interface {
	tryPush(n uint64) error
	push(ctx context.Context, n uint64) error
	pushAll(ctx context.Context, ns []uint64) (int, error)
	reserve(ctx context.Context, n uint64) error // and commit
	tryPop() (uint64, error)
	pop(ctx context.Context) (uint64, error)
	popInto(ctx context.Context, n int) ([]uint64, error)
	next(ctx context.Context) (uint64, error) // and release
	close() error
	detach() error
}

const (
	slots = 4   // of an SPSC and an MPMC
	room  = 256 // of a Bytes

	producer = "producer"
	consumer = "consumer"
)

// newEnd makes an end of the ring "q".
func newEnd(kind string, seg *shm.Segment, role string, opts ...ring.Option) (end, error) {
	switch kind {
	case "SPSC":
		r := must(ring.NewSPSC[message](seg, "q", slots, opts...))
		if role == producer {
			p, err := r.Producer()
			return spscEnd{p: p}, err
		}
		c, err := r.Consumer()
		return spscEnd{c: c}, err
	case "BytesMPMC":
		return wideEnd{must(ring.NewBytesMPMC(seg, "q", wideRoom, opts...))}, nil
	case "MPMC":
		return mpmcEnd{must(ring.NewMPMC[message](seg, "q", slots, opts...))}, nil
	}
	r := must(ring.NewBytes(seg, "q", room, opts...))
	if role == producer {
		p, err := r.Producer()
		return bytesEnd{p: p}, err
	}
	c, err := r.Consumer()
	return bytesEnd{c: c}, err
}

func packAll(ns []uint64) (ms []message) {
	for _, n := range ns {
		ms = append(ms, pack(n))
	}
	return ms
}

func unpackAll(ms []message) (ns []uint64, err error) {
	for _, m := range ms {
		n, err := m.number()
		if err != nil {
			return ns, err
		}
		ns = append(ns, n)
	}
	return ns, nil
}

func unpack(m message, err error) (uint64, error) {
	if err != nil {
		return 0, err
	}
	return m.number()
}

// noneOf is the error of a PopInto, which must have popped nothing.
func noneOf(n int, err error) error {
	if n != 0 {
		return fmt.Errorf("popped %d, with the error %v", n, err)
	}
	return err
}

type spscEnd struct {
	p *ring.Producer[message]
	c *ring.Consumer[message]
}

func (e spscEnd) tryPush(n uint64) error                   { return e.p.TryPush(pack(n)) }
func (e spscEnd) push(ctx context.Context, n uint64) error { return e.p.Push(ctx, pack(n)) }
func (e spscEnd) pushAll(ctx context.Context, ns []uint64) (int, error) {
	return e.p.PushAll(ctx, packAll(ns))
}

func (e spscEnd) reserve(ctx context.Context, n uint64) error {
	m, err := e.p.Reserve(ctx)
	if err != nil {
		return err
	}
	*m = pack(n)
	return e.p.Commit()
}

func (e spscEnd) tryPop() (uint64, error)                 { return unpack(e.c.TryPop()) }
func (e spscEnd) pop(ctx context.Context) (uint64, error) { return unpack(e.c.Pop(ctx)) }

func (e spscEnd) popInto(ctx context.Context, n int) ([]uint64, error) {
	ms := make([]message, n)
	n, err := e.c.PopInto(ctx, ms)
	if err != nil {
		return nil, noneOf(n, err)
	}
	return unpackAll(ms[:n])
}

func (e spscEnd) next(ctx context.Context) (uint64, error) {
	m, err := e.c.Next(ctx)
	if err != nil {
		return 0, err
	}
	got := *m
	if err := e.c.Release(); err != nil {
		return 0, err
	}
	return got.number()
}

func (e spscEnd) close() error { return e.p.Close() }

func (e spscEnd) detach() error {
	if e.p != nil {
		return e.p.Detach()
	}
	return e.c.Detach()
}

type mpmcEnd struct{ q *ring.MPMC[message] }

func (e mpmcEnd) tryPush(n uint64) error                   { return e.q.TryPush(pack(n)) }
func (e mpmcEnd) push(ctx context.Context, n uint64) error { return e.q.Push(ctx, pack(n)) }
func (e mpmcEnd) pushAll(ctx context.Context, ns []uint64) (int, error) {
	return e.q.PushAll(ctx, packAll(ns))
}

func (e mpmcEnd) reserve(ctx context.Context, n uint64) error {
	r, err := e.q.Reserve(ctx)
	if err != nil {
		return err
	}
	*r.Value() = pack(n)
	return r.Commit()
}

func (e mpmcEnd) tryPop() (uint64, error)                 { return unpack(e.q.TryPop()) }
func (e mpmcEnd) pop(ctx context.Context) (uint64, error) { return unpack(e.q.Pop(ctx)) }

func (e mpmcEnd) popInto(ctx context.Context, n int) ([]uint64, error) {
	ms := make([]message, n)
	n, err := e.q.PopInto(ctx, ms)
	if err != nil {
		return nil, noneOf(n, err)
	}
	return unpackAll(ms[:n])
}

func (e mpmcEnd) next(ctx context.Context) (uint64, error) {
	l, err := e.q.Next(ctx)
	if err != nil {
		return 0, err
	}
	got := *l.Value()
	if err := l.Release(); err != nil {
		return 0, err
	}
	return got.number()
}

func (e mpmcEnd) close() error  { return e.q.Close() }
func (e mpmcEnd) detach() error { return nil }

type bytesEnd struct {
	p *ring.BytesProducer
	c *ring.BytesConsumer
}

func (e bytesEnd) tryPush(n uint64) error                   { return e.p.TryPush(packBytes(n)) }
func (e bytesEnd) push(ctx context.Context, n uint64) error { return e.p.Push(ctx, packBytes(n)) }

func (e bytesEnd) pushAll(ctx context.Context, ns []uint64) (int, error) {
	var bs [][]byte
	for _, n := range ns {
		bs = append(bs, packBytes(n))
	}
	return e.p.PushAll(ctx, bs)
}

func (e bytesEnd) reserve(ctx context.Context, n uint64) error {
	b := packBytes(n)
	m, err := e.p.Reserve(ctx, len(b)+16)
	if err != nil {
		return err
	}
	copy(m, b)
	return e.p.Commit(len(b))
}

func (e bytesEnd) tryPop() (uint64, error) {
	b, err := e.c.TryPop(nil)
	if err != nil {
		return 0, err
	}
	return unpackBytes(b)
}

func (e bytesEnd) pop(ctx context.Context) (uint64, error) {
	b, err := e.c.Pop(ctx, nil)
	if err != nil {
		return 0, err
	}
	return unpackBytes(b)
}

func (e bytesEnd) popInto(ctx context.Context, n int) (ns []uint64, err error) {
	lens := make([]int, n)
	b, n, err := e.c.PopInto(ctx, nil, lens)
	if err != nil {
		return nil, noneOf(n+len(b), err)
	}
	for _, l := range lens[:n] {
		m, err := unpackBytes(b[:l])
		if err != nil {
			return ns, err
		}
		ns, b = append(ns, m), b[l:]
	}
	return ns, nil
}

func (e bytesEnd) next(ctx context.Context) (uint64, error) {
	b, err := e.c.Next(ctx)
	if err != nil {
		return 0, err
	}
	n, err := unpackBytes(b)
	if rerr := e.c.Release(); rerr != nil {
		return 0, rerr
	}
	return n, err
}

func (e bytesEnd) close() error { return e.p.Close() }

func (e bytesEnd) detach() error {
	if e.p != nil {
		return e.p.Detach()
	}
	return e.c.Detach()
}
