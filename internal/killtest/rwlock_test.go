//go:build linux && (amd64 || arm64) && !isthmus_nofutex

package killtest_test

import (
	"context"
	"errors"

	"github.com/isthmus-go/isthmus/shm"
)

const (
	rwOutside   = 1 << 62 // in the word: its owner waits for readers still
	rwOwner     = rwOutside - 1
	rwLines     = 256
	rwLine      = 128
	rwReading   = 42 // the lowest bit of the readers in a line's count
	rwRead      = "read"
	rwWrite     = "write"
	rwNoneTaken = ""
)

// rwLocks are the operations of an RWLock.
func rwLocks() []operation {
	row := func(name string, do func(l *shm.RWLock) func() result, c rwScene) operation {
		op := operation{name: "RWLock " + name, play: c.play}
		op.victim = func(v *victim) func() result {
			l := must(shm.NewRWLock(v.seg, "l"))
			switch c.has {
			case rwRead:
				l.RLock()
			case rwWrite:
				l.Lock()
			}
			return do(l)
		}
		switch c.other {
		case rwRead:
			op.other = readUnlock
		case rwWrite:
			op.other = writeUnlock
		}
		return op
	}
	plain := func(f func(*shm.RWLock)) func(*shm.RWLock) func() result {
		return func(l *shm.RWLock) func() result { return func() result { f(l); return did() } }
	}
	try := func(f func(*shm.RWLock) bool) func(*shm.RWLock) func() result {
		return func(l *shm.RWLock) func() result { return func() result { return did(truth(f(l))...) } }
	}
	with := func(f func(*shm.RWLock, context.Context) error) func(*shm.RWLock) func() result {
		return func(l *shm.RWLock) func() result {
			ctx, cancel := context.WithCancel(context.Background())
			_ = cancel // nobody gives up
			return func() result { return failed(f(l, ctx)) }
		}
	}
	choose := func(l *shm.RWLock) func() result { return selectOnly(l.RLockCase()) }
	lock, unlock := plain((*shm.RWLock).Lock), plain((*shm.RWLock).Unlock)
	rlock, runlock := plain((*shm.RWLock).RLock), plain((*shm.RWLock).RUnlock)
	tryLock, tryRLock := try((*shm.RWLock).TryLock), try((*shm.RWLock).TryRLock)
	return []operation{
		row("RLock", rlock, rwScene{gets: rwRead}),
		row("RLock, sleeping", rlock, rwScene{gets: rwRead, held: rwWrite}),
		row("RLock, sleeping, a writer sleeps too", rlock, rwScene{gets: rwRead, held: rwWrite, other: rwWrite}),
		row("RLock, sleeping, a reader sleeps too", rlock, rwScene{gets: rwRead, held: rwWrite, other: rwRead}),
		row("RLock, writer dead", rlock, rwScene{gets: rwRead, dead: rwWrite}),
		row("RLockContext, sleeping", with((*shm.RWLock).RLockContext), rwScene{gets: rwRead, held: rwWrite}),
		row("RLockCase, sleeping", choose, rwScene{gets: rwRead, held: rwWrite}),
		row("TryRLock", tryRLock, rwScene{gets: rwRead}),
		row("TryRLock, writer dead", tryRLock, rwScene{gets: rwRead, dead: rwWrite}),
		letting(row("RUnlock", runlock, rwScene{has: rwRead})),
		letting(row("RUnlock, a writer sleeps", runlock, rwScene{has: rwRead, other: rwWrite})),
		row("Lock", lock, rwScene{gets: rwWrite}),
		row("Lock, sleeping for a reader", lock, rwScene{gets: rwWrite, held: rwRead}),
		row("Lock, sleeping for a writer", lock, rwScene{gets: rwWrite, held: rwWrite}),
		row("Lock, sleeping for a reader, a writer sleeps too", lock, rwScene{gets: rwWrite, held: rwRead, other: rwWrite}),
		row("Lock, writer dead", lock, rwScene{gets: rwWrite, dead: rwWrite}),
		row("Lock, reader dead", lock, rwScene{gets: rwWrite, dead: rwRead}),
		row("LockContext, sleeping", with((*shm.RWLock).LockContext), rwScene{gets: rwWrite, held: rwRead}),
		row("TryLock", tryLock, rwScene{gets: rwWrite}),
		row("TryLock, writer dead", tryLock, rwScene{gets: rwWrite, dead: rwWrite}),
		row("TryLock, reader dead", tryLock, rwScene{gets: rwWrite, dead: rwRead}),
		letting(row("Unlock", unlock, rwScene{has: rwWrite})),
		letting(row("Unlock, a reader sleeps", unlock, rwScene{has: rwWrite, other: rwRead})),
		letting(row("Unlock, a writer sleeps", unlock, rwScene{has: rwWrite, other: rwWrite})),
		letting(row("Unlock, inconsistent", unlock, rwScene{has: rwWrite, dead: rwWrite})),
		row("MarkConsistent", plain((*shm.RWLock).MarkConsistent), rwScene{has: rwWrite, dead: rwWrite, mark: true}),
	}
}

// writeUnlock is what a writer in the other process does. It says whether it was told of a
// death.
func writeUnlock(seg *shm.Segment) func() result {
	l := must(shm.NewRWLock(seg, "l"))
	return func() result {
		err := l.LockContext(context.Background())
		if err != nil && !errors.Is(err, shm.ErrOwnerDied) {
			return failed(err)
		}
		if err != nil {
			l.MarkConsistent()
		}
		l.Unlock()
		return did(truth(err != nil)...)
	}
}

// readUnlock is what a reader does.
func readUnlock(seg *shm.Segment) func() result {
	l := must(shm.NewRWLock(seg, "l"))
	return func() result {
		err := l.RLockContext(context.Background())
		if err != nil && !errors.Is(err, shm.ErrOwnerDied) {
			return failed(err)
		}
		l.RUnlock()
		return did(truth(err != nil)...)
	}
}

// rwScene is what goes on around an operation of an RWLock.
type rwScene struct {
	gets  string // what the victim's operation gets
	has   string // what it has, and gives up
	held  string // what the test holds until the victim sleeps
	other string // what the other process sleeps for
	dead  string // what somebody died with before
	mark  bool   // the operation declares the data consistent instead
}

// rwState is what the lock's bytes say of the victim.
type rwState struct {
	owner  bool // it has the writers' lock
	inside bool // and waits for nobody
	count  uint64
	died   bool // whoever gets the lock is told of a death
}

func (r rwState) reads() bool { return r.count>>rwReading != 0 }

func (c rwScene) state(s *stage) (r rwState) {
	s.Helper()
	me, w := s.victimID(), s.wide("l", 0)
	r.owner = w&rwOwner == me
	r.inside = r.owner && w&rwOutside == 0
	r.died = w&diedBit != 0
	for line := rwLines; line < len(s.memory("l")); line += rwLine {
		if s.wide("l", line) == me {
			r.count = s.wide("l", line+8)
		}
	}
	return r
}

func (c rwScene) play(s *stage) scene {
	l := must(shm.NewRWLock(s.seg, "l"))
	var (
		mine string  // what the test holds
		at   rwState // as the victim was killed
	)
	take := func(l *shm.RWLock, what string) {
		if what == rwRead {
			l.RLock()
		} else if what == rwWrite {
			l.Lock()
		}
	}
	give := func() {
		was := mine
		mine = rwNoneTaken
		if was == rwRead {
			l.RUnlock()
		} else if was == rwWrite {
			l.Unlock()
		}
	}
	die := func() {
		dead := must(shm.Open(segmentName, s.opts))
		take(must(shm.NewRWLock(dead, "l")), c.dead)
		s.must("close", dead.Close())
	}
	return scene{
		wakes: c.has != "",
		ready: func() {
			if w := s.wide("l", 0); w != 0 {
				s.fatalf("the lock's word is %#x before", w)
			}
			if c.dead == rwWrite {
				die()
			}
			take(l, c.held)
			mine = c.held
		},
		set: func() {
			if c.dead == rwRead {
				die() // now: the victim might get its slot
			}
			if c.other != "" {
				s.begin()
			}
		},
		asleep: give,
		paused: func() func() {
			switch v := c.state(s); {
			case mine != "":
				return give
			case c.other != "":
				return nil // what changes now may be for the other process
			case v.inside, v.owner, v.reads() && s.wide("l", 0) == 0:
				if l.TryLock() || v.owner && l.TryRLock() {
					s.fatalf("robbed of the lock: %+v", v)
				}
				ctx, cancel := context.WithTimeout(context.Background(), 2*slice)
				defer cancel()
				s.is("LockContext beside a paused process", l.LockContext(ctx), context.DeadlineExceeded)
				if v.owner {
					s.is("RLockContext beside a paused process", l.RLockContext(ctx), context.DeadlineExceeded)
					return nil
				}
				s.bounded("RLockContext beside a paused reader", rwTold(l.RLockContext))
				mine = rwRead
				return give
			case s.round%2 == 0:
				s.bounded("RLockContext of a free lock", rwTold(l.RLockContext))
				mine = rwRead
				return give
			case l.TryLock():
				mine = rwWrite
				return give
			case v.count == 0 && c.held == "" && c.dead == "":
				s.fatalf("TryLock of a free lock fails")
			}
			return nil
		},
		dying: func() { at = c.state(s) },
		alive: func(o outcome) {
			if mine != "" || c.other != "" || !c.got(o) {
				return
			}
			if l.TryLock() || c.gets == rwWrite && l.TryRLock() {
				s.fatalf("robbed of the lock")
			}
			if c.gets == rwRead {
				s.bounded("RLockContext beside the victim", rwTold(l.RLockContext))
				l.RUnlock()
			}
		},
		check: func(o outcome) {
			s.must("the victim's operation", o.err)
			give()
			c.check(s, l, o, at)
		},
	}
}

// got reports whether the victim has got what its operation gets.
func (c rwScene) got(o outcome) bool {
	return c.gets != "" && (len(o.values) == 0 || o.values[0] == 1)
}

// rwTold makes the report of a death none.
func rwTold(f func(context.Context) error) func(context.Context) error {
	return func(ctx context.Context) error {
		if err := f(ctx); !errors.Is(err, shm.ErrOwnerDied) {
			return err
		}
		return nil
	}
}

func (c rwScene) check(s *stage, l *shm.RWLock, o outcome, at rwState) {
	s.Helper()
	if o.ended && !c.mark && (at.inside != (c.got(o) && c.gets == rwWrite) || at.reads() != (c.got(o) && c.gets == rwRead)) {
		s.fatalf("the operation has ended with %v, and the lock says %+v", o.values, at)
	}
	due := at.died || at.inside || c.dead == rwWrite && !c.mark // somebody is to be told of a death
	if c.other != "" {
		r := s.finish()
		s.must("the other process", r.err)
		told := r.values[0] == 1
		if told && !due || due && !told && c.other == rwWrite && c.has != "" {
			s.fatalf("was the other process told of a death: %v; the lock said %+v", told, at)
		}
		due = due && !(told && c.other == rwWrite) // the other process may have come before the victim
	}
	s.bounded("RLockContext", func(ctx context.Context) error {
		err := l.RLockContext(ctx)
		if told := errors.Is(err, shm.ErrOwnerDied); told != due {
			s.fatalf("was a reader told of a death: %v; the lock said %+v", told, at)
		}
		return rwTold(func(context.Context) error { return err })(ctx)
	})
	l.RUnlock()
	s.bounded("LockContext", func(ctx context.Context) error {
		err := l.LockContext(ctx)
		if told := errors.Is(err, shm.ErrOwnerDied); told != due {
			s.fatalf("was a writer told of a death: %v; the lock said %+v", told, at)
		}
		return rwTold(func(context.Context) error { return err })(ctx)
	})
	l.MarkConsistent()
	l.Unlock()
	for range 2 {
		if !l.TryRLock() {
			s.fatalf("TryRLock of a lock that no writer has fails")
		}
	}
	l.RUnlock()
	l.RUnlock()
	if !l.TryLock() {
		s.fatalf("TryLock of a free lock fails")
	}
	l.Unlock()
}
