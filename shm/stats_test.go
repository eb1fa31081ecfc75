package shm_test

import (
	"fmt"
	"testing"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/internal/proctest/shared"
	"github.com/isthmus-go/isthmus/shm"
)

// A countedLock is a lock of some kind that has Stats.
type countedLock struct {
	lock, unlock func()
	try          func() bool
	stats        func() shm.Stats
}

const countedToken = 1

// counted returns the lock of a kind, and a way to hold it.
func counted(t proctest.Fataler, seg *shm.Segment, kind string) countedLock {
	switch kind {
	case "Lock":
		l := newLock(t, seg, "mu")
		return countedLock{l.Lock, l.Unlock, l.TryLock, l.Stats}
	case "RecursiveLock":
		l := newRecursiveLock(t, seg, "r")
		return countedLock{func() { l.Lock(countedToken) }, func() { l.Unlock(countedToken) },
			func() bool { return l.TryLock(countedToken) }, l.Stats}
	case "RWLock":
		l := newRWLock(t, seg, "rw")
		return countedLock{l.Lock, l.Unlock, l.TryLock, l.Stats}
	case "RWLock for reading":
		l := newRWLock(t, seg, "rw")
		return countedLock{l.RLock, l.RUnlock, l.TryRLock, l.Stats}
	}
	panic(kind)
}

// The helper "counted" locks and unlocks the lock of the kind that it is given. "wait" is to
// lock, where that has to wait: it says when it counts as asleep, and when it has the lock.
var _ = proctest.Register("counted", func(c *proctest.Child) {
	seg := shared.Open(c)
	l := counted(c, seg, c.Arg(0))
	for {
		switch what := c.Recv(); what {
		case "lock":
			l.lock()
		case "wait":
			before := l.stats().Waits
			locked := proctest.Go(func() bool { l.lock(); return true })
			proctest.Until(c, "it sleeps", func() bool { return l.stats().Waits == before+1 })
			c.Send("asleep")
			proctest.Result(c, locked)
		case "unlock":
			l.unlock()
		case "stats":
			c.Send(l.stats())
			continue
		case "end":
			c.Check(seg.Close())
			return
		}
		c.Send("done")
	}
})

func wantStats(t *testing.T, whose string, got, want shm.Stats) {
	t.Helper()
	if got != want {
		t.Errorf("%s: got %+v, want %+v", whose, got, want)
	}
}

// TestStats has one process wait for what this one holds, twice: one waits, the other wakes it.
func TestStats(t *testing.T) {
	for _, test := range []struct{ holder, waiter string }{
		{"Lock", "Lock"},
		{"RecursiveLock", "RecursiveLock"},
		{"RWLock", "RWLock"},
		{"RWLock", "RWLock for reading"},
		{"RWLock for reading", "RWLock"},
	} {
		t.Run(test.holder+", "+test.waiter, func(t *testing.T) {
			s := shared.Named(t)
			l := counted(t, s.Segment, test.holder)
			p := s.Start(t, "counted", test.waiter)
			for n := range uint64(2) {
				wantStats(t, "before", l.stats(), shm.Stats{WakeUps: n})
				l.lock()
				p.Send("wait")
				p.Expect("asleep")
				l.unlock()
				p.Expect("done")
				wantStats(t, "who has woken", l.stats(), shm.Stats{WakeUps: n + 1})
				p.Send("stats")
				var theirs shm.Stats
				if _, err := fmt.Sscanf(p.Recv(), "{%d %d %d}", &theirs.Waits, &theirs.WakeUps, &theirs.Repairs); err != nil {
					t.Fatal(err)
				}
				theirs.WakeUps = 0 // who has waited for long may wake others when it is served
				wantStats(t, "who has waited", theirs, shm.Stats{Waits: n + 1})
				call(p, "unlock", "done")
			}
			end(p)
			if err := s.Segment.Close(); err != nil {
				t.Fatal(err)
			}
			wantStats(t, "after Close", l.stats(), shm.Stats{WakeUps: 2})
		})
	}
}

// TestStatsUncontended: what does not wait counts nothing.
func TestStatsUncontended(t *testing.T) {
	for _, kind := range []string{"Lock", "RecursiveLock", "RWLock", "RWLock for reading"} {
		l := counted(t, shared.Named(t).Segment, kind)
		for range 100 {
			l.lock()
			l.unlock()
		}
		wantStats(t, kind, l.stats(), shm.Stats{})
	}
}

// TestStatsRepairs kills the holder: who comes next repairs that, once.
func TestStatsRepairs(t *testing.T) {
	proctest.Mortal(t)
	for _, test := range []struct{ holder, next string }{
		{"Lock", "Lock"},
		{"RecursiveLock", "RecursiveLock"},
		{"RWLock", "RWLock"},
		{"RWLock", "RWLock for reading"},
		{"RWLock for reading", "RWLock"},
	} {
		t.Run(test.holder+", "+test.next, func(t *testing.T) {
			s := shared.Named(t)
			l := counted(t, s.Segment, test.next)
			for n := range uint64(2) {
				p := s.Start(t, "counted", test.holder)
				call(p, "lock", "done")
				if l.try() {
					t.Fatal("there is no holder")
				}
				wantStats(t, "while the holder lives", l.stats(), shm.Stats{Repairs: n})
				p.Kill()
				proctest.Until(t, "it is free", l.try)
				wantStats(t, "after its death", l.stats(), shm.Stats{Repairs: n + 1})
				l.unlock()
			}
		})
	}
}

// TestStatsDeadReader looks for the dead again, where one has died for whom nobody waits any more.
func TestStatsDeadReader(t *testing.T) {
	proctest.Mortal(t)
	s := shared.Named(t)
	l := newRWLock(t, s.Segment, "rw")
	p := s.Start(t, "counted", "RWLock for reading")
	call(p, "lock", "done")
	p.Kill()
	l.RLock()
	for range 3 {
		if l.TryLock() {
			t.Fatal("TryLock succeeded beside a reader")
		}
	}
	wantStats(t, "after one death", l.Stats(), shm.Stats{Repairs: 1})
	l.RUnlock()
}
