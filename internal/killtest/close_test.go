//go:build linux && (amd64 || arm64) && !isthmus_nofutex

package killtest_test

import (
	"context"
	"errors"

	"github.com/isthmus-go/isthmus/ring"
	"github.com/isthmus-go/isthmus/shm"
)

// closings are the operations that end a ring, or begin or end a role.
func closings() (ops []operation) {
	for _, kind := range kinds {
		for _, c := range []closeScene{
			{name: "Close", prefill: 2},
			{name: "Close, another sleeps", other: true},
		} {
			c.kind = kind
			op := operation{name: kind + " " + c.name, ring: kind, fresh: true, play: c.play}
			op.victim = func(v *victim) func() result {
				e := must(newEnd(kind, v.seg, producer))
				return func() result { return failed(e.Close()) }
			}
			if c.other {
				op.other = func(seg *shm.Segment) func() result {
					return func() result {
						n, err := must(newEnd(kind, seg, consumer)).Pop(context.Background())
						return failed(err, n)
					}
				}
			}
			ops = append(ops, op)
		}
		if anybody(kind) {
			continue
		}
		for _, role := range []string{producer, consumer} {
			ops = append(ops, operation{
				name: kind + " claim of the " + role, play: roleScene{kind, role, nobody}.play,
				victim: func(v *victim) func() result {
					claim := claimer(kind, v.seg, role)
					return func() result { return failed(claim()) }
				},
			}, operation{
				name: kind + " Detach of the " + role, play: roleScene{kind, role, nobody}.play,
				victim: func(v *victim) func() result {
					e := must(newEnd(kind, v.seg, role))
					return func() result { return failed(e.Detach()) }
				},
			})
		}
	}
	return append(ops, operation{
		name: "MPMC Reserve, Cancel", ring: "MPMC", play: pushScene{kind: "MPMC", prefill: 2}.play,
		victim: func(v *victim) func() result {
			q := must(ring.NewMPMC[message](v.seg, "q", slots))
			return func() result {
				r, err := q.Reserve(context.Background())
				if err != nil {
					return failed(err)
				}
				return failed(r.Cancel())
			}
		},
	}, operation{
		name: "BytesMPMC Reserve, Cancel", ring: "BytesMPMC", play: pushScene{kind: "BytesMPMC", prefill: 2}.play,
		victim: func(v *victim) func() result {
			q := must(ring.NewBytesMPMC(v.seg, "q", wideRoom))
			return func() result {
				r, err := q.Reserve(context.Background(), wideLen(0))
				if err != nil {
					return failed(err)
				}
				return failed(r.Cancel())
			}
		},
	})
}

// claimer returns the claim of a role, without what goes before.
func claimer(kind string, seg *shm.Segment, role string) func() error {
	r := newRing(kind, seg, "q")
	if role == producer {
		return func() error { _, err := r.Producer(); return err }
	}
	return func() error { _, err := r.Consumer(); return err }
}

// closeScene is what goes on around the Close of a ring.
type closeScene struct {
	name    string
	kind    string
	prefill int
	other   bool // the other process sleeps in a pop
}

func (c closeScene) play(s *stage) scene {
	q := newQueue(s, c.kind)
	closed := func() bool { return s.word("q", 4) != 0 }
	return scene{
		wakes: true,
		ready: func() { q.fill(c.prefill, false) },
		set: func() {
			if c.other {
				s.begin()
			}
		},
		paused: func() func() {
			if c.other {
				return nil
			}
			q.popOne()
			if anybody(c.kind) {
				return nil
			}
			if _, err := newEnd(c.kind, s.seg, producer); !errors.Is(err, ring.ErrRoleTaken) && !(closed() && errors.Is(err, ring.ErrClosed)) {
				s.fatalf("claim the role of a paused producer: %v", err)
			}
			return nil
		},
		check: func(o outcome) {
			s.must("the victim's Close", o.err)
			if o.ended && !closed() {
				s.fatalf("Close has ended, and the ring is open")
			}
			if !closed() {
				if !c.other {
					q.push() // the ring is as it was
				}
				s.must("Close", q.as(producer, end.Close, ring.ErrClosed))
			}
			if c.other {
				s.is("the pop of the other process", s.finish().err, ring.ErrClosed)
			}
			s.is("TryPush", q.as(producer, func(e end) error { return e.TryPush(1) }), ring.ErrClosed)
			for range len(q.mine) - len(q.got) {
				q.popOne()
			}
			if !same(q.got, q.mine) {
				s.fatalf("pushed %x and popped %x", q.mine, q.got)
			}
			s.is("TryPop", q.as(consumer, func(e end) error { _, err := e.TryPop(); return err }), ring.ErrClosed)
		},
	}
}

// roleScene is what goes on around the claim of a role, and its end.
type roleScene struct {
	kind, role string
	before     death
}

func (c roleScene) play(s *stage) scene {
	q := newQueue(s, c.kind)
	mine := false
	return scene{
		ready: func() {
			q.fill(2, false)
			if c.before == holdingRole {
				dead := must(shm.Open(segmentName, s.opts))
				must(newEnd(c.kind, dead, c.role))
				s.must("close", dead.Close())
			}
		},
		paused: func() func() {
			e, err := newEnd(c.kind, s.seg, c.role)
			if err != nil {
				s.is("claim", err, ring.ErrRoleTaken)
				return nil
			}
			mine = true
			return func() { s.must("Detach", e.Detach()) }
		},
		check: func(o outcome) {
			if mine && o.err != nil {
				s.is("the victim's claim", o.err, ring.ErrRoleTaken)
			} else {
				s.must("the victim's claim", o.err)
			}
			q.drain(q.push())
			q.check(0, 0)
			q.wholeCapacity()
		},
	}
}
