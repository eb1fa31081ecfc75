//go:build linux && (amd64 || arm64) && !isthmus_nofutex

package killtest_test

import (
	"context"
	"encoding/binary"
	"errors"
	"time"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/shm"
)

// conds are the operations of a Cond.
func conds() []operation {
	row := func(name string, c condScene, do func(c *shm.Cond) result) operation {
		op := operation{name: "Cond " + name, play: c.play, changes: true, fresh: c.first, victim: func(v *victim) func() result {
			cond := c.on(v.seg)
			if c.waits {
				lockMarked(cond)
			}
			return func() result { return do(cond) }
		}}
		if c.other {
			op.other = func(seg *shm.Segment) func() result {
				cond := c.on(seg)
				return func() result { return waitOnce(cond) }
			}
		}
		return op
	}
	signal := func(c *shm.Cond) result { c.Signal(); return did() }
	broadcast := func(c *shm.Cond) result { c.Broadcast(); return did() }
	wait := func(c *shm.Cond) result { return failed(c.WaitContext(context.Background())) }
	return []operation{
		letting(row("Signal", condScene{}, signal)),
		letting(row("Signal, another sleeps", condScene{other: true}, signal)),
		letting(row("Broadcast, others sleep", condScene{other: true, early: true}, broadcast)),
		letting(row("Broadcast, the first, another sleeps", condScene{other: true, first: true}, broadcast)),
		row("Wait, sleeping", condScene{waits: true}, wait),
		row("Wait, sleeping, another waits", condScene{waits: true, early: true}, wait),
		row("Wait, a signal of the dead", condScene{waits: true, dead: true}, wait),
	}
}

// waitOnce waits for one signal, whoever has died with the lock.
func waitOnce(c *shm.Cond) result {
	if err := c.L.LockContext(context.Background()); err != nil && !errors.Is(err, shm.ErrOwnerDied) {
		return failed(err)
	}
	err := c.WaitContext(context.Background())
	if errors.Is(err, shm.ErrOwnerDied) {
		err = nil
	}
	if err == nil {
		c.L.Unlock()
	}
	return failed(err)
}

// lockMarked locks L, and reports whether somebody has died with it.
func lockMarked(c *shm.Cond) (died bool) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := c.L.LockContext(ctx); err != nil && !errors.Is(err, shm.ErrOwnerDied) {
		panic(err)
	} else if err != nil {
		c.L.MarkConsistent()
		return true
	}
	return false
}

// condScene is what goes on around an operation of a Cond.
type condScene struct {
	waits bool // the operation is a Wait, and has L when it begins and ends
	other bool // the other process waits
	early bool // the test waits
	dead  bool // somebody has died with a signal
	first bool // nobody has called Broadcast before
}

func (c condScene) on(seg *shm.Segment) *shm.Cond {
	return must(shm.NewCond(seg, "c", must(shm.NewLock(seg, "l"))))
}

// tallies adds up how many wait, and how many signals are not used up.
func tallies(s *stage) (waiting, granted uint64) {
	for slot := range s.opts.MaxProcs {
		t := binary.NativeEndian.Uint64(s.memory("c")[384+128*slot+8:])
		waiting += t & (1<<21 - 1)
		granted += t >> 21 & (1<<21 - 1)
	}
	return waiting, granted
}

// casting reports whether anything of a Broadcast is left.
func casting(s *stage) bool {
	for slot := range s.opts.MaxProcs {
		if binary.NativeEndian.Uint64(s.memory("c")[384+128*slot+16:]) != 0 {
			return true
		}
	}
	return false
}

// joins returns how many calls of Wait have begun. (How many wait may fall meanwhile: what is
// left of a Broadcast of the dead wakes them.)
func joins(s *stage) uint64 { return binary.NativeEndian.Uint64(s.memory("c")[32:]) }

func (c condScene) play(s *stage) scene {
	cond := c.on(s.seg)
	var waiter func(time.Duration) bool // of the test
	begin := func() {
		n := joins(s)
		waiter = s.background("the test's Wait", func() { s.must("Wait", waitOnce(cond).err) })
		proctest.Until(s, "the test waits, or has waited", func() bool { return joins(s) > n })
		lockMarked(cond) // its Wait has unlocked it by then: the other process does not sleep for that
		cond.L.Unlock()
	}
	var die func()
	signals := 0
	signal := func() { cond.Signal(); signals++ }
	sc := scene{
		wakes: c.other,
		ready: func() {
			signals = 0
			if c.early { // the next signal is for a slot behind that of the test
				begin()
				cond.Signal()
				waiter(patience)
				begin()
			}
			if c.dead {
				die = c.dies(s)
			}
		},
		set: func() {
			if c.other {
				s.begin()
			}
			if c.dead {
				die()
				signals++
			}
		},
		paused: func() func() {
			if c.waits {
				return nil
			}
			if waiting, _ := tallies(s); c.first && casting(s) && waiting == 1 {
				begin()
				cond.Signal() // wakes both, as the Broadcast does
				if waiting, _ := tallies(s); waiting != 0 {
					s.fatalf("while a Broadcast goes on, a Signal leaves %d who wait", waiting)
				}
				waiter(patience)
				return nil
			}
			w := s.background("a Wait", func() { s.must("Wait", waitOnce(cond).err) })
			proctest.Until(s, "the test waits and is woken", func() bool {
				cond.Broadcast()
				return w(time.Millisecond)
			})
			return nil
		},
		alive: func(o outcome) {
			if waiting, granted := tallies(s); c.waits && c.early && (waiting != 1 || granted != 0) {
				s.fatalf("after one Signal for two, %d wait, and %d signals are left", waiting, granted)
			}
		},
		check: func(o outcome) { c.check(s, cond, o, signals, begin, &waiter) },
	}
	if c.dead {
		sc.asleep = func() {} // a process that has begun to start may keep the dead alive for a moment
	} else if c.waits {
		sc.asleep = func() {
			want := uint64(1)
			if c.early {
				want++
			}
			if waiting, _ := tallies(s); waiting == want {
				signal()
			}
		}
	}
	return sc
}

func (c condScene) check(s *stage, cond *shm.Cond, o outcome, signals int, begin func(), waiter *func(time.Duration) bool) {
	s.Helper()
	s.must("the victim's operation", o.err)
	died := lockMarked(cond)
	cond.L.Unlock()
	if died && !c.waits || o.ended && c.waits && !died {
		s.fatalf("an owner of the lock died: %v", died)
	}
	waiting, granted := tallies(s)
	if c.waits {
		switch {
		case c.early:
		case signals == 0 && !died:
			begin()
		default: // what the victim has not used up is for whoever comes next
			*waiter = s.background("the test's Wait", func() { s.must("Wait", waitOnce(cond).err) })
		}
		switch {
		case died: // it may have used up a signal
			proctest.Until(s, "the test waits and is woken", func() bool { cond.Broadcast(); return (*waiter)(time.Millisecond) })
		case signals == 0:
			cond.Signal()
		}
		(*waiter)(patience)
	} else {
		if !o.ended && granted == 0 && waiting == truth(c.other)[0]+truth(c.early)[0] { // it has not happened
			cond.Broadcast()
		}
		if c.other {
			s.must("the other process", s.finish().err)
		}
		if c.early {
			(*waiter)(patience)
		}
	}
	s.bounded("all signals to be used up", func(ctx context.Context) error {
		for ctx.Err() == nil {
			cond.Broadcast() // also for the dead who wait
			lockMarked(cond)
			brief, cancel := context.WithTimeout(ctx, time.Millisecond)
			err := cond.WaitContext(brief)
			cancel()
			cond.L.Unlock()
			if waiting, granted := tallies(s); err != nil && waiting == 0 && granted == 0 && !casting(s) {
				return nil
			}
		}
		return ctx.Err()
	})
}

// dies returns what has somebody who waits die with a signal.
func (c condScene) dies(s *stage) func() {
	dead := must(shm.Open(segmentName, s.opts))
	cond := c.on(dead)
	done := s.background("the Wait of the dead", func() { waitOnce(cond) })
	proctest.Until(s, "it waits", func() bool { waiting, _ := tallies(s); return waiting == 1 })
	return func() {
		c.on(s.seg).Signal() // the victim has the lock, so nobody returns
		s.must("close", dead.Close())
		done(patience)
	}
}
