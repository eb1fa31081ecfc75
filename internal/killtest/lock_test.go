//go:build linux && (amd64 || arm64) && !isthmus_nofutex

package killtest_test

import (
	"context"
	"errors"

	"github.com/isthmus-go/isthmus/shm"
)

const (
	ownerMask = 1<<63 - 1
	diedBit   = 1 << 63
)

// locks are the operations of a Lock.
var locks = []operation{
	{name: "Lock", victim: lock, play: lockScene{}.play},
	{name: "Lock, sleeping", victim: lock, play: lockScene{held: true}.play},
	{name: "Lock, sleeping, another sleeps too", victim: lock, other: lockUnlock, play: lockScene{held: true, other: true}.play},
	{name: "Lock, owner dead", victim: lock, play: lockScene{dead: true}.play},
	{name: "LockContext, sleeping", victim: lockContext, play: lockScene{held: true}.play},
	{name: "LockCase, sleeping", victim: lockCase, play: lockScene{held: true}.play},
	{name: "TryLock", victim: tryLock, play: lockScene{}.play},
	{name: "TryLock, owner dead", victim: tryLock, play: lockScene{dead: true}.play},
	{name: "Unlock", victim: unlock, play: lockScene{unlock: true}.play, lets: true},
	{name: "Unlock, another sleeps", victim: unlock, other: lockUnlock, play: lockScene{unlock: true, other: true}.play, lets: true},
	{name: "Unlock, inconsistent", victim: unlock, play: lockScene{unlock: true, dead: true}.play, lets: true},
	{name: "MarkConsistent", victim: markConsistent, play: lockScene{unlock: true, dead: true, mark: true}.play},
}

func lock(v *victim) func() result {
	l := must(shm.NewLock(v.seg, "l"))
	return func() result { l.Lock(); return did() }
}

func lockContext(v *victim) func() result {
	l := must(shm.NewLock(v.seg, "l"))
	ctx, cancel := context.WithCancel(context.Background())
	_ = cancel // nobody gives up
	return func() result { return failed(l.LockContext(ctx)) }
}

func lockCase(v *victim) func() result {
	return selectOnly(must(shm.NewLock(v.seg, "l")).LockCase())
}

// selectOnly is a Select of one case.
func selectOnly(c shm.Case) func() result {
	return func() result {
		_, err := shm.Select(context.Background(), c)
		return failed(err)
	}
}

func tryLock(v *victim) func() result {
	l := must(shm.NewLock(v.seg, "l"))
	return func() result { return did(truth(l.TryLock())...) }
}

func unlock(v *victim) func() result {
	l := must(shm.NewLock(v.seg, "l"))
	l.Lock()
	return func() result { l.Unlock(); return did() }
}

func markConsistent(v *victim) func() result {
	l := must(shm.NewLock(v.seg, "l"))
	l.Lock()
	return func() result { l.MarkConsistent(); return did() }
}

// lockUnlock is what the other process does. It says whether it was told of a
// death.
func lockUnlock(seg *shm.Segment) func() result { return lockUnlockOf(lockScene{}.on(seg)) }

func lockUnlockOf(l mutex) func() result {
	return func() result {
		err := l.LockContext(context.Background())
		if err != nil && !errors.Is(err, shm.ErrOwnerDied) {
			return failed(err)
		}
		told := uint64(0)
		if err != nil {
			told = 1
			l.MarkConsistent()
		}
		l.Unlock()
		return did(told)
	}
}

// lockScene is what goes on around an operation of a Lock.
type lockScene struct {
	held   bool // the test holds the lock until the victim sleeps
	dead   bool // somebody died inside before
	other  bool // the other process sleeps for the lock
	unlock bool // the victim has the lock, and gives it up
	mark   bool // it keeps it, and declares the data consistent or locks once more

	recursive bool // the lock is a RecursiveLock
}

// mutex is a Lock, or a holder of a RecursiveLock.
type mutex interface {
	LockContext(ctx context.Context) error
	Lock()
	TryLock() bool
	Unlock()
	MarkConsistent()
}

func (c lockScene) on(seg *shm.Segment) mutex {
	if c.recursive {
		return holder{must(shm.NewRecursiveLock(seg, "l"))}
	}
	return must(shm.NewLock(seg, "l"))
}

func (c lockScene) play(s *stage) scene {
	l := c.on(s.seg)
	owner := func() uint64 { return s.wide("l", 0) & ownerMask }
	var (
		mine    = false // the test holds the lock
		victims uint64  // the lock's owner as the victim was killed, 0 if none
		wasDied bool
		me      uint64
	)
	give := func() {
		if mine {
			mine = false
			l.Unlock()
		}
	}
	return scene{
		wakes: c.unlock,
		ready: func() {
			if s.wide("l", 0) != 0 {
				s.fatalf("the lock's word is %#x before", s.wide("l", 0))
			}
			l.Lock()
			me = owner()
			l.Unlock()
			if c.dead {
				dead := must(shm.Open(segmentName, s.opts))
				c.on(dead).Lock()
				s.must("close", dead.Close())
			}
			if c.held {
				l.Lock()
				mine = true
			}
		},
		set: func() {
			if c.other {
				s.begin()
			}
		},
		asleep: give,
		paused: func() func() {
			switch who := owner(); {
			case mine:
				if who != me {
					s.fatalf("the lock's owner is %#x, held by the test, %#x", who, me)
				}
				return give
			case c.other && who != 0:
				return nil // the other process's, or the victim's, which it waits for
			case who != 0 && !c.dead:
				if l.TryLock() {
					s.fatalf("robbed of the lock")
				}
				ctx, cancel := context.WithTimeout(context.Background(), 2*slice)
				defer cancel()
				s.is("LockContext of a lock held by a paused process", l.LockContext(ctx), context.DeadlineExceeded)
				return nil
			case !c.other && l.TryLock():
				mine = true
				return give
			case c.held:
				// The paused one is first in the Queue, for a while.
				s.bounded("LockContext of a free lock", l.LockContext)
				mine = true
				return give
			case !c.other && !c.dead:
				s.fatalf("TryLock of a free lock fails")
			}
			return nil
		},
		dying: func() {
			if victims = owner(); victims != s.victimID() {
				victims = 0
			}
			wasDied = s.wide("l", 0)&diedBit != 0
		},
		alive: func(o outcome) {
			got := !c.unlock && (len(o.values) == 0 || o.values[0] == 1)
			if got && !mine && l.TryLock() {
				s.fatalf("robbed of the lock")
			}
		},
		check: func(o outcome) {
			s.must("the victim's operation", o.err)
			c.check(s, l, o, victims, wasDied, mine)
			mine = false
		},
	}
}

func (c lockScene) check(s *stage, l mutex, o outcome, victims uint64, wasDied, mine bool) {
	s.Helper()
	if mine {
		l.Unlock()
	}
	if o.ended && !c.mark {
		got := !c.unlock && (len(o.values) == 0 || o.values[0] == 1)
		if got != (victims != 0) {
			s.fatalf("the operation has ended with %v, and the lock's owner is %#x", o.values, victims)
		}
	}
	want := uint64(0) // how many are told of a death
	if wasDied || victims != 0 || c.dead && !c.mark {
		want = 1
	}
	told := uint64(0)
	if c.other {
		r := s.finish()
		s.must("the other process", r.err)
		told = r.values[0]
	}
	s.bounded("LockContext", func(ctx context.Context) error {
		err := l.LockContext(ctx)
		if errors.Is(err, shm.ErrOwnerDied) {
			told++
			l.MarkConsistent()
			return nil
		}
		return err
	})
	if told != want {
		s.fatalf("%d were told of a death, want %d", told, want)
	}
	l.Unlock()
}
