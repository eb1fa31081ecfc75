//go:build linux && (amd64 || arm64) && !isthmus_nofutex

package killtest_test

import (
	"context"
	"errors"

	"github.com/isthmus-go/isthmus/ring"
	"github.com/isthmus-go/isthmus/shm"
)

// pushes are the operations at a ring's pushing end.
func pushes() (ops []operation) {
	ways := []struct {
		name string
		n    int // messages
		do   func(e end, ns []uint64) result
	}{
		{"TryPush", 1, func(e end, ns []uint64) result { return failed(e.TryPush(ns[0])) }},
		{"Push", 1, func(e end, ns []uint64) result { return failed(e.Push(context.Background(), ns[0])) }},
		{"Select push", 1, func(e end, ns []uint64) result {
			return failed(e.SelectPush(context.Background(), ns[0], never))
		}},
		{"PushAll", 2, func(e end, ns []uint64) result {
			n, err := e.PushAll(context.Background(), ns[0], ns[0]+uint64(len(ns)))
			return failed(err, uint64(n))
		}},
		{"Reserve, Commit", 1, func(e end, ns []uint64) result { return failed(e.pushInPlace(context.Background(), ns[0])) }},
	}
	for _, kind := range kinds {
		for _, way := range ways {
			for _, c := range []pushScene{
				{name: "", prefill: 2},
				{name: ", sleeping", full: true},
				{name: ", another sleeps", other: true},
				{name: ", the first", prefill: 2, first: true},
			} {
				if c.full && way.name == "TryPush" || c.other && (way.name == "Push" || way.name == "Select push") ||
					c.first && (way.name != "TryPush" || !anybody(kind)) {
					continue
				}
				c.kind, c.n = kind, way.n
				op := operation{name: kind + " " + way.name + c.name, ring: kind, first: c.first, play: c.play}
				// Of Bytes each store counts: what is not yet zero looks like a header.
				op.changes = kind == "Bytes" && c.prefill > 0
				op.victim = func(v *victim) func() result {
					e := must(newEnd(kind, v.seg, producer))
					never = must(shm.NewEvent(v.seg, "never")).WaitCase()
					var ns []uint64
					for i := range way.n {
						ns = append(ns, v.message(i))
					}
					return func() result { return way.do(e, ns) }
				}
				if c.other {
					op.other = func(seg *shm.Segment) func() result {
						return func() result {
							e := must(newEnd(kind, seg, consumer))
							n, err := e.Pop(context.Background())
							return failed(errors.Join(err, e.Detach()), n)
						}
					}
				}
				ops = append(ops, op)
			}
		}
	}
	return ops
}

// pushScene is what goes on around a push.
type pushScene struct {
	name    string
	kind    string
	n       int  // messages that the victim pushes
	prefill int  // messages in the ring before
	full    bool // as many as fit: the victim sleeps until the test pops
	other   bool // the other process sleeps in a pop
	first   bool // it is the victim's first
	dead    death
}

func (c pushScene) play(s *stage) scene {
	q := newQueue(s, c.kind)
	q.disorder = c.dead == inReading
	return scene{
		wakes: c.other,
		ready: func() { q.fillAround(c.dead, c.prefill, c.full) },
		set: func() {
			if c.other {
				s.begin()
			}
		},
		asleep: func() {
			if !c.full {
				return // it is only slow, and what it pushes may be the other process's
			}
			for range c.n {
				q.tryPop()
			}
		},
		paused: func() func() {
			if c.other {
				return nil
			}
			if len(q.mine) > len(q.got) && c.dead == nobody {
				q.popOne() // that was in the ring before: needs nobody
			} else {
				q.tryPop()
			}
			if anybody(c.kind) {
				q.tryPush()
				return nil
			}
			_, err := newEnd(c.kind, s.seg, producer)
			s.is("claim the role of a paused producer", err, ring.ErrRoleTaken)
			return nil
		},
		check: func(o outcome) {
			s.must("the victim's push", o.err)
			pop := func() {
				r := s.finish()
				s.must("the other process", r.err)
				q.got = append(q.got, r.values[0])
			}
			if c.other && s.gentle {
				pop()
			}
			if c.dead == inReading {
				q.popOrphans()
			}
			last := q.push()
			if c.other && !s.gentle {
				pop()
			}
			q.drain(last)
			q.check(c.n, c.pushed(o))
			q.wholeCapacity()
		},
	}
}

// pushed is how many messages the victim is known to have pushed, at least.
func (c pushScene) pushed(o outcome) int {
	switch {
	case o.ended:
		return c.n
	case len(o.values) > 0: // so many before its segment was closed
		return int(o.values[0])
	}
	return 0
}
