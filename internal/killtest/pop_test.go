//go:build linux && (amd64 || arm64) && !isthmus_nofutex

package killtest_test

import (
	"context"
	"errors"
	"slices"

	"github.com/isthmus-go/isthmus/ring"
	"github.com/isthmus-go/isthmus/shm"
)

// pops are the operations at a ring's popping end.
func pops() (ops []operation) {
	one := func(n uint64, err error) result {
		if err != nil {
			return failed(err)
		}
		return did(n)
	}
	ways := []struct {
		name string
		n    int // messages at most
		do   func(e end) result
	}{
		{"TryPop", 1, func(e end) result { return one(e.TryPop()) }},
		{"Pop", 1, func(e end) result { return one(e.Pop(context.Background())) }},
		{"Select pop", 1, func(e end) result { return one(e.SelectPop(context.Background(), never)) }},
		{"PopInto", 3, func(e end) result {
			ns, err := e.PopInto(context.Background(), 3)
			return failed(err, ns...)
		}},
		{"Next, Release", 1, func(e end) result { return one(e.popInPlace(context.Background())) }},
	}
	for _, kind := range kinds {
		for _, way := range ways {
			for _, c := range []popScene{
				{name: "", prefill: 3},
				{name: ", sleeping"},
				{name: ", another sleeps", full: true},
				{name: ", the first", prefill: 3, first: true},
			} {
				if c.prefill == 0 && !c.full && way.name == "TryPop" || c.full && (way.name == "Pop" || way.name == "Select pop") ||
					c.first && (way.name != "TryPop" || !anybody(kind)) {
					continue
				}
				c.kind, c.n, c.lent = kind, way.n, way.name == "Next, Release"
				op := operation{name: kind + " " + way.name + c.name, ring: kind, first: c.first, play: c.play}
				op.victim = func(v *victim) func() result {
					e := must(newEnd(kind, v.seg, consumer))
					never = must(shm.NewEvent(v.seg, "never")).WaitCase()
					return func() result { return way.do(e) }
				}
				if c.full {
					op.other = func(seg *shm.Segment) func() result {
						return func() result {
							e := must(newEnd(kind, seg, producer))
							err := e.Push(context.Background(), others)
							return failed(errors.Join(err, e.Detach()))
						}
					}
				}
				ops = append(ops, op)
			}
		}
	}
	return ops
}

// never is a case of a Select, in a victim, that never takes place.
var never shm.Case

// others is the message that the other process pushes. No Bytes message is longer.
const others = 1<<62 | 3

// popScene is what goes on around a pop.
type popScene struct {
	name    string
	kind    string
	n       int  // messages that the victim pops, at most
	prefill int  // messages in the ring before; if none, the victim sleeps
	full    bool // as many as fit, and the other process sleeps in a push
	lent    bool // they are lent first
	first   bool // it is the victim's first
	dead    death
}

func (c popScene) play(s *stage) scene {
	q := newQueue(s, c.kind)
	lent := 0
	return scene{
		wakes: c.full,
		ready: func() { q.fillAround(c.dead, c.prefill, c.full) },
		set: func() {
			if c.full {
				s.begin()
			}
		},
		asleep: func() {
			if len(q.mine) == 0 {
				q.push()
			}
		},
		paused: func() func() {
			if c.full {
				return nil
			}
			if anybody(c.kind) {
				q.tryPop()
				if c.dead == inReading {
					q.tryOrphans()
				}
				// Come round to the slots that the victim may be reading.
				// If it still sleeps, it finds what it waits for.
				for q.tryPush() {
				}
				return nil
			}
			_, err := newEnd(c.kind, s.seg, consumer)
			s.is("claim the role of a paused consumer", err, ring.ErrRoleTaken)
			if c.prefill > 0 {
				if !q.tryPush() {
					s.fatalf("there is no room")
				}
				for q.tryPush() { // what the victim is reading is not room
				}
			}
			return nil
		},
		dying: func() {
			lent = q.lent()
		},
		check: func(o outcome) {
			s.must("the victim's pop", o.err)
			c.check(s, q, o, lent)
		},
	}
}

// check checks that every message was popped once, by the victim or after it.
// Of an MPMC, the victim had lent messages in its hands as it died.
func (c popScene) check(s *stage, q *queue, o outcome, lent int) {
	s.Helper()
	most := c.n - lent // that the victim may have taken along
	if o.ended {
		most = 0
	}
	if c.full {
		if !s.gentle || c.kind == "Bytes" || c.kind == "BytesMPMC" {
			// There may still be no room: then only a pop makes the other go on.
			for q.tryPop() {
			}
			q.popOrphans()
		}
		s.must("the other process", s.finish().err)
	}
	q.drain(q.push())
	q.popOrphans()
	pushed := slices.Clone(q.mine)
	if c.full {
		pushed = append(pushed, others)
	}
	count := map[uint64]int{}
	for _, n := range slices.Concat(q.got, o.values) {
		count[n]++
	}
	var missing []uint64
	for _, n := range pushed {
		if count[n] == 0 {
			missing = append(missing, n)
		}
		if count[n] > 1 {
			s.fatalf("message %x was popped twice: the victim has %x, the others %x", n, o.values, q.got)
		}
		delete(count, n)
	}
	if len(count) > 0 {
		s.fatalf("messages out of nowhere: pushed %x, the victim has popped %x, the others %x", pushed, o.values, q.got)
	}
	if len(missing) > most {
		s.fatalf("lost %x: pushed %x, the victim has popped %x, the others %x", missing, pushed, o.values, q.got)
	}
	for i := range missing {
		if missing[i] != pushed[i] && !anybody(c.kind) {
			s.fatalf("lost %x, which is not what came first: pushed %x, popped %x", missing, pushed, q.got)
		}
	}
	if !c.lent && c.dead != inReading {
		var mine []uint64
		for _, n := range q.got {
			if n != others {
				mine = append(mine, n)
			}
		}
		if !slices.IsSorted(mine) {
			s.fatalf("out of order: %x", q.got)
		}
	}
	q.wholeCapacity()
}
