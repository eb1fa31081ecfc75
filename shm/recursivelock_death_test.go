package shm_test

import (
	"context"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/internal/proctest/shared"
	"github.com/isthmus-go/isthmus/shm"
)

// TestRecursiveOwnerKilled kills a process that holds the lock twice, while others wait, and
// before anybody does.
func TestRecursiveOwnerKilled(t *testing.T) {
	for _, test := range []struct {
		method string
		answer any
		waited bool
	}{
		{"LockContext", "owner died", true}, {"LockContext", "owner died", false},
		{"Lock", "done", true}, {"Lock", "done", false}, {"TryLock", true, false},
	} {
		t.Run(test.method, func(t *testing.T) {
			proctest.Mortal(t)
			s := shared.Named(t)
			owner, waiter := s.Start(t, "recursive"), s.Start(t, "recursive")
			recursiveStep{"Lock", 7, "done"}.by(t, owner)
			recursiveStep{"Lock", 7, "done"}.by(t, owner)
			if test.waited {
				waiter.Send(test.method, 7)
				proctest.Until(t, "the waiter sleeps", newRecursiveLock(t, s.Segment, "r").Sleepers)
			}
			start := time.Now()
			owner.Kill()
			if !test.waited {
				waiter.Send(test.method, 7)
			}
			waiter.Expect(test.answer)
			proctest.Prompt(t, "taken over", start)
			recursiveStep{"Count", 7, 1}.by(t, waiter)
			recursiveStep{"Unlock", 7, "done"}.by(t, waiter)
			recursiveStep{"Count", 7, 0}.by(t, waiter)
			endRecursive(waiter)
		})
	}
}

// TestRecursiveOwnerDied follows the report of a death through its life.
func TestRecursiveOwnerDied(t *testing.T) {
	proctest.Mortal(t)
	s := shared.Named(t)
	dead, p, q := s.Start(t, "recursive"), s.Start(t, "recursive"), s.Start(t, "recursive")
	recursiveStep{"Lock", 7, "done"}.by(t, dead)
	dead.Kill()
	for _, step := range []struct {
		p *proctest.Proc
		recursiveStep
	}{
		{p, recursiveStep{"LockContext", 7, "owner died"}},
		{p, recursiveStep{"LockContext", 7, "owner died"}}, // to everybody, until somebody repairs
		{p, recursiveStep{"TryLock", 8, false}},
		{p, recursiveStep{"Count", 7, 2}},
		{q, recursiveStep{"TryLock", 7, false}},
		{p, recursiveStep{"Unlock", 7, "done"}},
		{p, recursiveStep{"Unlock", 7, "done"}},
		{q, recursiveStep{"Lock", 7, "done"}}, // does not care
		{q, recursiveStep{"LockContext", 7, "owner died"}},
		{q, recursiveStep{"Unlock", 7, "done"}},
		{q, recursiveStep{"MarkConsistent", 7, "done"}},
		{q, recursiveStep{"LockContext", 7, "done"}},
		{q, recursiveStep{"Unlock", 7, "done"}},
		{q, recursiveStep{"Unlock", 7, "done"}},
		{p, recursiveStep{"LockContext", 7, "done"}},
		{p, recursiveStep{"Unlock", 7, "done"}},
	} {
		step.by(t, step.p)
	}
	endRecursive(p)
	endRecursive(q)
}

// TestRecursiveMarkConsistentTogether has two goroutines of one holder repair at once: both
// hold the lock.
func TestRecursiveMarkConsistentTogether(t *testing.T) {
	s := shared.Named(t)
	l := newRecursiveLock(t, s.Segment, "r")
	for i := range proctest.Scaled(500) {
		seg := shared.Open(t)
		newRecursiveLock(t, seg, "r").Lock(1)
		proctest.Check(t, seg.Close())
		proctest.WantError(t, "LockContext", l.LockContext(context.Background(), 7), shm.ErrOwnerDied)
		var ready atomic.Int32
		repair := func() any {
			pause := i % 100 // of the second, whom the first sees later
			for n, looks := ready.Add(1), 0; n < 2; n, looks = ready.Load(), looks+1 {
				if pause = 0; looks > 1_000_000 {
					runtime.Gosched()
				}
			}
			for range pause {
				ready.Load()
			}
			return proctest.PanicOf(func() { l.MarkConsistent(7) })
		}
		other := proctest.Go(repair)
		if got := [2]any{repair(), proctest.Result(t, other)}; got != [2]any{} {
			t.Fatalf("MarkConsistent: %v", got)
		}
		l.Unlock(7)
	}
}

// TestRecursiveKilledInUnlock kills a process that has given up the lock, but not yet woken
// who waits for it.
func TestRecursiveKilledInUnlock(t *testing.T) {
	proctest.Mortal(t)
	s := shared.Named(t)
	p, q := s.Start(t, "recursive"), s.Start(t, "recursive")
	recursiveStep{"Lock", 7, "done"}.by(t, p)
	q.Send("LockContext", 7)
	proctest.Until(t, "the waiter sleeps", newRecursiveLock(t, s.Segment, "r").Sleepers)
	recursiveStep{"HalfUnlock", 7, "done"}.by(t, p)
	start := time.Now()
	p.Kill()
	q.Expect("done")
	proctest.Prompt(t, "locked", start)
	endRecursive(q)
}

// An adder adds to one counter, inside twice, all the time.
var _ = proctest.Register("recursive adder", func(c *proctest.Child) {
	seg := shared.Open(c)
	l, stop := newRecursiveLock(c, seg, "r"), shared.Value[bool](c, seg, "stop")
	a, b := shared.Value[int64](c, seg, "a"), shared.Value[int64](c, seg, "b")
	for !stop.Load() {
		if lockRecursive(l, 7) == "owner died" {
			b.Store(a.Load())
			l.MarkConsistent(7)
		}
		if a.Load() != b.Load() {
			c.Fatalf("the counters differ, and nobody reported a death")
		}
		a.Store(a.Load() + 1)
		l.Lock(7)
		b.Store(b.Load() + 1)
		l.Unlock(7)
		l.Unlock(7)
	}
	c.Check(seg.Close())
})

// TestRecursiveKilledAnywhere kills processes wherever they are.
func TestRecursiveKilledAnywhere(t *testing.T) {
	proctest.Mortal(t)
	random := proctest.Random(t)
	s := shared.Named(t)
	a := shared.Value[int64](t, s.Segment, "a")
	procs := s.StartAll(t, 3, "recursive adder")
	for range 12 {
		goal := a.Load() + 1 + random.Int64N(3000)
		proctest.Until(t, "the others go on", func() bool { return a.Load() >= goal })
		i := random.IntN(len(procs))
		procs[i].Kill()
		procs[i] = s.Start(t, "recursive adder")
	}
	shared.Value[bool](t, s.Segment, "stop").Store(true)
	for _, p := range procs {
		p.Wait()
	}
	if l := newRecursiveLock(t, s.Segment, "r"); !l.TryLock(7) {
		t.Error("nobody is left, and it is held")
	}
}
