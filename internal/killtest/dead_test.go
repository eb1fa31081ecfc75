//go:build linux && (amd64 || arm64) && !isthmus_nofutex

package killtest_test

import (
	"context"
	"encoding/binary"
	"slices"

	"github.com/isthmus-go/isthmus/internal/segment"
	"github.com/isthmus-go/isthmus/ring"
	"github.com/isthmus-go/isthmus/shm"
)

// death is what somebody was doing who died at a ring before the victim came.
type death int

const (
	nobody      death = iota
	inPush            // of a message
	inPushAll         // of two
	inReading         // of a lent message
	inPopInto         // of two
	inFreeing         // of the chunks of a message that was popped
	holdingRole       // of an SPSC or Bytes
)

// dead is how an operation learns that somebody is dead. After it others may have done
// all that it is about to do.
const dead = "github.com/isthmus-go/isthmus/internal/segment.(*Segment).Dead"

// repairs are operations that find what somebody dead has left.
func repairs() (ops []operation) {
	pop := func(n int) func(e end) result {
		return func(e end) result {
			ns, err := e.PopInto(context.Background(), n)
			return failed(err, ns...)
		}
	}
	next := func(e end) result {
		n, err := e.popInPlace(context.Background())
		if err != nil {
			return failed(err)
		}
		return did(n)
	}
	for _, r := range []struct {
		name string
		c    popScene
		do   func(e end) result
	}{
		{"PopInto, a producer dead", popScene{n: 1, dead: inPush, prefill: 2}, pop(1)},
		{"PopInto, a producer of two dead", popScene{n: 2, dead: inPushAll, prefill: 2}, pop(2)},
		{"PopInto, a reader dead", popScene{n: 1, dead: inReading, prefill: 1}, pop(1)},
		{"Next, Release, a reader dead", popScene{n: 1, dead: inReading, prefill: 1, lent: true}, next},
		{"PopInto, a consumer of two dead", popScene{n: 1, dead: inPopInto, prefill: 3}, pop(1)},
	} {
		r.c.kind = "MPMC"
		ops = append(ops, operation{name: "MPMC " + r.name, ring: "MPMC", play: r.c.play, changes: true, after: dead, victim: func(v *victim) func() result {
			e := must(newEnd("MPMC", v.seg, consumer))
			return func() result { return r.do(e) }
		}})
	}
	for _, r := range []struct {
		name string
		dead death
	}{
		{"Push, a producer dead", inPush},
		{"Push, a producer of two dead", inPushAll},
		{"Push, sleeping, a reader dead", inReading},
		{"Push, a consumer of two dead", inPopInto},
	} {
		c := pushScene{kind: "MPMC", n: 1, full: true, dead: r.dead}
		ops = append(ops, operation{name: "MPMC " + r.name, ring: "MPMC", play: c.play, changes: true, after: dead, victim: func(v *victim) func() result {
			e := must(newEnd("MPMC", v.seg, producer))
			return func() result { return failed(e.Push(context.Background(), v.message(0))) }
		}})
	}
	ops = append(ops, wideRepairs(pop(1), next)...)
	for _, kind := range []string{"SPSC", "Bytes"} {
		for _, role := range []string{producer, consumer} {
			ops = append(ops, operation{
				name: kind + " claim of a dead " + role + "'s role", play: roleScene{kind, role, holdingRole}.play,
				victim: func(v *victim) func() result {
					claim := claimer(kind, v.seg, role)
					return func() result { return failed(claim()) }
				},
			})
		}
	}
	return ops
}

// fillAround pushes n messages, or as many as fit, before or after somebody dies.
func (q *queue) fillAround(d death, n int, full bool) {
	q.Helper()
	if q.kind == "BytesMPMC" && (d == inPushAll || d == inPopInto) {
		q.turn()
	}
	switch d {
	case inPush, inPushAll:
		q.die(d)
		q.fill(n, full)
	default:
		q.fill(n, full)
		q.die(d)
	}
}

// die lets somebody begin something with the MPMC, or BytesMPMC, and die. A batch leaves the
// word of a single operation, but for its phase and the length of its run, and
// has raised the hint further. (A second message of a BytesMPMC has one chunk.)
func (q *queue) die(d death) {
	q.Helper()
	if d == nobody {
		return
	}
	seg := must(shm.Open(segmentName, q.opts))
	if q.kind == "BytesMPMC" {
		wideClaim(seg, d)
	} else {
		dying := must(ring.NewMPMC[message](seg, "q", slots))
		switch d {
		case inPush, inPushAll:
			must(dying.Reserve(context.Background()))
		default:
			must(dying.Next(context.Background()))
		}
	}
	mine := q.claims(uint64(segment.Of(seg).ID()))
	if len(mine) != 1 {
		q.fatalf("the dead have %d slots", len(mine))
	}
	switch d {
	case inPushAll:
		add(mine[0], oneMore)
		if q.kind == "MPMC" {
			add(q.memory("q")[tailAt:], 1)
		}
	case inPopInto:
		add(mine[0], oneMore+freeing-reading)
		add(q.memory("q")[headAt:], 1)
		q.mine = slices.Delete(q.mine, 0, 2) // taken along
	case inFreeing:
		add(mine[0], freeing-reading)
		q.mine = slices.Delete(q.mine, 0, 1)
	}
	q.must("close", seg.Close())
}

func add(word []byte, n uint64) {
	binary.NativeEndian.PutUint64(word, binary.NativeEndian.Uint64(word)+n)
}

// An MPMC: its hints, and the state words of its slots.
const (
	headAt = 256
	tailAt = 384

	phase   = 7
	reading = 5
	freeing = 6
	ownerAt = 3
	oneMore = 1 << 41 // in the run
)

// claims returns the state words of an MPMC's slots that name an owner, or, if it
// is 0, of those that are lent. Those of a BytesMPMC lie beside a word of the message.
func (q *queue) claims(owner uint64) (words [][]byte) {
	const body = 640
	n, stride := slots, 8+24
	if q.kind == "BytesMPMC" {
		n, stride = wideRoom/64, 16
	}
	mem := q.memory("q")
	for i := range n {
		b := mem[body+i*stride:][:8]
		w := binary.NativeEndian.Uint64(b)
		if owner == 0 && w&phase == reading || owner != 0 && w&phase > 3 && w>>ownerAt&(1<<38-1) == owner {
			words = append(words, b)
		}
	}
	return words
}

// lent counts the slots of an MPMC that are lent to a consumer.
func (q *queue) lent() int {
	if !anybody(q.kind) {
		return 0
	}
	return len(q.claims(0))
}
