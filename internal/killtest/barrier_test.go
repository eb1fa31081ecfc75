//go:build linux && (amd64 || arm64) && !isthmus_nofutex

package killtest_test

import (
	"context"
	"errors"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/shm"
)

// barriers are the operations of a Barrier.
func barriers() []operation {
	row := func(name string, c barrierScene, do func(b *shm.Barrier) result) operation {
		return operation{name: "Barrier " + name, play: c.play, changes: true, victim: func(v *victim) func() result {
			b := c.on(v.seg)
			if c.known {
				must(b.Wait(context.Background()))
			}
			return func() result { return do(b) }
		}}
	}
	wait := func(b *shm.Barrier) result {
		leader, err := b.Wait(context.Background())
		return failed(err, truth(leader)...)
	}
	abort := func(b *shm.Barrier) result { b.Abort(); return did() }
	reset := func(b *shm.Barrier) result { b.Reset(); return did() }
	withOther := func(op operation) operation {
		op.other = func(seg *shm.Segment) func() result {
			b := barrierScene{}.on(seg)
			return func() result { return wait(b) }
		}
		return op
	}
	return []operation{
		row("Wait, the last", barrierScene{known: true, early: true}, wait),
		row("Wait, the last, goes on", barrierScene{known: true, early: true, goOn: true}, wait),
		row("Wait, for the first time", barrierScene{early: true}, wait),
		withOther(row("Wait, another sleeps", barrierScene{other: true}, wait)),
		row("Wait, sleeping", barrierScene{known: true}, wait),
		row("Wait, sleeping, goes on", barrierScene{known: true, goOn: true}, wait),
		row("Wait, a party dead", barrierScene{known: true, dead: true}, wait),
		row("Wait, sleeping, a party dead, goes on", barrierScene{known: true, dead: true, goOn: true}, wait),
		letting(row("Abort", barrierScene{early: true, breaks: true}, abort)),
		letting(withOther(row("Abort, another sleeps", barrierScene{other: true, breaks: true}, abort))),
		letting(row("Reset", barrierScene{early: true, breaks: true}, reset)),
	}
}

// barrierScene is what goes on around an operation of a Barrier, of the victim, the test,
// and one who is dead.
type barrierScene struct {
	goOn   bool
	known  bool // the victim is a party already
	early  bool // the test waits when the operation begins, and otherwise when it sleeps
	other  bool // the other process does instead
	dead   bool // there was a third party
	breaks bool // the operation breaks the barrier
}

func (c barrierScene) on(seg *shm.Segment) *shm.Barrier {
	n := 2
	if c.dead {
		n = 3
	}
	if c.goOn {
		return must(shm.NewBarrier(seg, "b", n, shm.GoOn))
	}
	return must(shm.NewBarrier(seg, "b", n))
}

func (c barrierScene) play(s *stage) scene {
	b := c.on(s.seg)
	var (
		third  *shm.Segment
		waiter func() result // of the test, nil if it has not come
	)
	come := func() {
		if waiter == nil {
			waiter = s.waits(b)
		}
	}
	sc := scene{
		wakes: c.other,
		ready: func() {
			b.Reset()
			if c.dead {
				third = must(shm.Open(segmentName, s.opts))
				s.waits(c.on(third))
			}
			if c.known {
				come()
			}
		},
		set: func() {
			if c.known {
				s.must("the first Wait", waiter().err)
				waiter = nil
			}
			if c.dead {
				s.must("close", third.Close())
			}
			if c.other {
				s.begin()
			}
			if c.early {
				come()
				proctest.Until(s, "the test has come", func() bool { return b.Waiting() == 1 })
			}
		},
		paused: func() func() {
			b.Waiting()
			if b.Broken() && !c.breaks && !(c.dead && !c.goOn) {
				s.fatalf("broken while a party is stopped")
			}
			return nil
		},
		check: func(o outcome) { c.check(s, b, o, come, &waiter) },
	}
	if !c.other { // the victim sleeps too if the test is looking for the dead just then
		sc.asleep = come
	}
	return sc
}

func (c barrierScene) check(s *stage, b *shm.Barrier, o outcome, come func(), waiter *func() result) {
	s.Helper()
	breaks := c.breaks || c.dead && !c.goOn
	switch {
	case !o.ended:
	case breaks && !c.breaks:
		s.is("the victim's operation", o.err, shm.ErrBroken)
	default:
		s.must("the victim's operation", o.err)
	}
	if !c.other && !breaks {
		come()
	}
	if !o.ended && !c.known { // nobody knows a party that has not come yet
		b.Abort()
	}
	leaders := uint64(0)
	got := result{values: []uint64{0}}
	switch {
	case c.other:
		got = s.finish()
	case *waiter != nil:
		got = (*waiter)()
	}
	mayBreak := breaks || !o.ended && !c.goOn
	if got.err != nil && !(mayBreak && errors.Is(got.err, shm.ErrBroken)) {
		s.fatalf("who waits: %v", got.err)
	}
	if o.ended && !breaks {
		if leaders = got.values[0] + o.values[0]; leaders != 1 {
			s.fatalf("%d leaders, want one", leaders)
		}
	}
	if o.ended && c.breaks && !errors.Is(got.err, shm.ErrBroken) {
		s.fatalf("who waits for a barrier that was broken: %v", got.err)
	}
	b.Reset()
	others := must(shm.Open(segmentName, s.opts)) // the test is one party
	meet := []func() result{s.waits(b)}
	for range map[bool]int{false: 1, true: 2}[c.dead] {
		meet = append(meet, s.waits(c.on(others)))
	}
	leaders = 0
	for _, w := range meet {
		r := w()
		s.must("Wait", r.err)
		leaders += r.values[0]
	}
	if leaders != 1 {
		s.fatalf("%d leaders in the end, want one", leaders)
	}
	s.must("close", others.Close())
}

// waits has the test wait for the barrier, and returns a function that waits for the result.
func (s *stage) waits(b *shm.Barrier) func() result {
	var r result
	done := s.background("Wait", func() {
		leader, err := b.Wait(context.Background())
		r = failed(err, truth(leader)...)
	})
	return func() result { done(patience); return r }
}
