//go:build linux && (amd64 || arm64) && !isthmus_nofutex

package killtest_test

import (
	"context"
	"encoding/binary"
	"time"

	"github.com/isthmus-go/isthmus/internal/segment"
	"github.com/isthmus-go/isthmus/semaphore"
	"github.com/isthmus-go/isthmus/shm"
)

const permits = 3

var signalling = &semaphore.Options{Signalling: true, Bound: 8}

// semaphores are the operations of a Semaphore.
func semaphores() []operation {
	acquire := func(n int64, o *semaphore.Options) func(*victim) func() result {
		return func(v *victim) func() result {
			sem := must(semaphore.New(v.seg, "sem", permits, o))
			return func() result { return failed(sem.Acquire(context.Background(), n), uint64(n)) }
		}
	}
	try := func(v *victim) func() result {
		sem := must(semaphore.New(v.seg, "sem", permits, nil))
		return func() result { return did(truth(sem.TryAcquire(1))...) }
	}
	release := func(n int64, o *semaphore.Options) func(*victim) func() result {
		return func(v *victim) func() result {
			sem := must(semaphore.New(v.seg, "sem", permits, o))
			if o == nil {
				check(sem.Acquire(context.Background(), 2))
			}
			return func() result { sem.Release(n); return did(uint64(2 - n)) }
		}
	}
	other := func(o *semaphore.Options) func(seg *shm.Segment) func() result {
		return func(seg *shm.Segment) func() result {
			sem := must(semaphore.New(seg, "sem", permits, o))
			return func() result {
				err := sem.Acquire(context.Background(), 1)
				if err == nil && o == nil {
					sem.Release(1)
				}
				return failed(err)
			}
		}
	}
	return []operation{
		{name: "Semaphore Acquire", victim: acquire(1, nil), play: semScene{mine: 1}.play},
		{name: "Semaphore Acquire, sleeping", victim: acquire(1, nil), play: semScene{mine: 3}.play},
		{name: "Semaphore Acquire of 2, sleeping", victim: acquire(2, nil), play: semScene{mine: 2}.play},
		{name: "Semaphore Acquire, sleeping, another too", victim: acquire(1, nil), other: other(nil), play: semScene{mine: 3, other: true}.play},
		{name: "Semaphore Acquire, another died inside", victim: acquire(1, nil), play: semScene{mine: 1, inside: true}.play},
		{name: "Semaphore Acquire, permits of the dead", victim: acquire(2, nil), play: semScene{mine: 1, dead: 2}.play},
		{name: "Semaphore TryAcquire", victim: try, play: semScene{mine: 1}.play},
		{name: "Semaphore Release", victim: release(1, nil), play: semScene{mine: 1}.play, lets: true},
		{name: "Semaphore Release, another sleeps", victim: release(1, nil), other: other(nil), play: semScene{mine: 1, other: true, wakes: true}.play, lets: true},
		{name: "Semaphore Release of 2, another sleeps", victim: release(2, nil), other: other(nil), play: semScene{mine: 1, other: true, wakes: true}.play, lets: true},
		{name: "Semaphore, signalling, Acquire", victim: acquire(1, signalling), play: signalScene{}.play},
		{name: "Semaphore, signalling, Acquire, sleeping", victim: acquire(1, signalling), play: signalScene{empty: true}.play},
		{name: "Semaphore, signalling, Release", victim: release(1, signalling), play: signalScene{release: true}.play, lets: true},
		{name: "Semaphore, signalling, Release, another sleeps", victim: release(1, signalling), other: other(signalling),
			play: signalScene{release: true, empty: true, other: true}.play, lets: true},
	}
}

// semScene is what goes on around an operation of a Semaphore.
type semScene struct {
	mine   int64 // permits that the test holds
	other  bool  // the other process sleeps for one
	wakes  bool  // and the operation wakes it
	inside bool  // somebody died inside a change before
	dead   int64 // permits that somebody died with
}

func (c semScene) play(s *stage) scene {
	sem := must(semaphore.New(s.seg, "sem", permits, nil))
	held := int64(0)
	give := func() {
		if held > 0 {
			sem.Release(held)
			held = 0
		}
	}
	return scene{
		wakes: c.wakes,
		ready: func() {
			if v := sem.Value(); v != permits {
				s.fatalf("%d permits are free before", v)
			}
			s.must("Acquire", sem.Acquire(context.Background(), c.mine))
			held = c.mine
		},
		set: func() {
			if c.other {
				s.begin()
			}
			if c.inside || c.dead > 0 {
				c.die(s) // now: the victim might get the slot of the dead one, and clean up
			}
		},
		asleep: give,
		paused: func() func() {
			// Nobody gets more than there is, and nobody is held up that
			// needs nothing of the victim.
			ctx, cancel := context.WithTimeout(context.Background(), 2*slice)
			defer cancel()
			if held > 0 {
				s.is("Acquire of what the test holds itself", sem.Acquire(ctx, permits+1-held), context.DeadlineExceeded)
			}
			if c.wakes {
				return nil // the permit, and the wake-up, are the other process's
			}
			if sem.TryAcquire(1) {
				held++
			}
			if held == 0 || s.round%2 == 0 {
				return nil // what changed now must not be changed back
			}
			n := held
			held = 0
			done := s.background("Release", func() { sem.Release(n) })
			done(slice) // it may have to wait for the victim's change
			return func() { done(patience) }
		},
		alive: func(o outcome) {
			s.must("the victim's Acquire", o.err)
			if c.other {
				return
			}
			give()
			victims := int64(o.values[0])
			if sem.TryAcquire(permits - victims + 1) {
				s.fatalf("robbed of %d permits", victims)
			}
			s.bounded("Acquire beside the victim", func(ctx context.Context) error {
				return sem.Acquire(ctx, permits-victims)
			})
			sem.Release(permits - victims)
		},
		check: func(o outcome) {
			if c.wakes && s.gentle {
				s.must("the other process", s.finish().err)
			}
			s.bounded("Acquire of all that is not held", func(ctx context.Context) error {
				if c.other && held == permits {
					return nil
				}
				return sem.Acquire(ctx, permits-held)
			})
			held = permits
			if sem.Value() != 0 || sem.TryAcquire(1) {
				s.fatalf("the test holds all permits, and %d are free", sem.Value())
			}
			give()
			if c.other && !(c.wakes && s.gentle) {
				s.must("the other process", s.finish().err)
			}
			if v := sem.Value(); v != permits {
				s.fatalf("%d permits are free after", v)
			}
		},
	}
}

// die leaves what somebody leaves who dies with permits, or inside a change.
func (c semScene) die(s *stage) {
	dead := must(shm.Open(segmentName, s.opts))
	sem := must(semaphore.New(dead, "sem", permits, nil))
	s.must("Acquire", sem.Acquire(context.Background(), max(c.dead, 1)))
	busy := (uint64(segment.Of(dead).Slot()) + 2) << 53 // as semaphore/state.go says
	if c.dead == 0 {
		sem.Release(1)
	}
	s.must("close", dead.Close())
	if c.inside {
		word := s.memory("sem")[:8]
		w := binary.NativeEndian.Uint64(word)
		binary.NativeEndian.PutUint64(word, w|busy) // between the two steps of a change
	}
}

// signalScene is what goes on around an operation of a signalling Semaphore.
type signalScene struct {
	release bool // the operation releases
	empty   bool // no permit is free before
	other   bool // the other process sleeps for one
}

func (c signalScene) play(s *stage) scene {
	sem := must(semaphore.New(s.seg, "sem", permits, signalling))
	var before, added int64
	return scene{
		wakes: c.other,
		ready: func() {
			for sem.TryAcquire(1) {
			}
			if !c.empty {
				sem.Release(permits)
			}
			before = sem.Value()
		},
		set: func() {
			if c.other {
				s.begin()
			}
		},
		asleep: func() {
			if added == 0 {
				sem.Release(1)
				added = 1
			}
		},
		paused: func() func() {
			if c.other || c.empty && !c.release {
				return nil
			}
			sem.Release(1)
			added++
			if !sem.TryAcquire(1) {
				s.fatalf("a permit has vanished")
			}
			added--
			return nil
		},
		check: func(o outcome) {
			s.must("the victim's operation", o.err)
			if c.other {
				if !s.gentle {
					sem.Release(1)
					added++
				}
				s.must("the other process", s.finish().err)
				added--
			}
			change := int64(-1)
			if c.release {
				change = 1
			}
			got, without, with := sem.Value(), before+added, before+added+change
			if got != with && (o.ended || got != without) {
				s.fatalf("%d permits were free, the others have added %d, and %d are free", before, added, got)
			}
			start := time.Now()
			for sem.TryAcquire(1) {
			}
			s.stalled(start)
		},
	}
}
