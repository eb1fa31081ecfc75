package shm_test

import (
	"context"
	"testing"
	"time"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/internal/proctest/shared"
	"github.com/isthmus-go/isthmus/shm"
)

// dead returns a process that was killed with the lock held.
func dead(t *testing.T, s shared.Segment) *proctest.Proc {
	t.Helper()
	p := s.Start(t, "lock")
	call(p, "Lock", "done")
	p.Kill()
	return p
}

// TestOwnerKilled kills the owner while another process waits, three times, once
// for each way to wait.
func TestOwnerKilled(t *testing.T) {
	proctest.Mortal(t)
	for _, test := range []struct{ method, answer string }{
		{"LockContext", "owner died"},
		{"Lock", "done"},
	} {
		t.Run(test.method, func(t *testing.T) {
			s := shared.Named(t)
			owner, waiter := s.Start(t, "lock"), s.Start(t, "lock")
			call(owner, "Lock", "done")
			waiter.Send(test.method)
			proctest.Until(t, "the waiter sleeps", newLock(t, s.Segment, "mu").Sleepers)
			start := time.Now()
			owner.Kill()
			waiter.Expect(test.answer)
			proctest.Prompt(t, "taken over", start)
			call(waiter, "Unlock", "done")
			end(waiter)
		})
	}
	t.Run("TryLock", func(t *testing.T) {
		s := shared.Named(t)
		mu := newLock(t, s.Segment, "mu")
		owner := s.Start(t, "lock")
		call(owner, "Lock", "done")
		if mu.TryLock() {
			t.Fatal("TryLock succeeded while the owner lived")
		}
		start := time.Now()
		owner.Kill()
		proctest.Until(t, "TryLock succeeds", mu.TryLock)
		proctest.Prompt(t, "taken over", start)
	})
}

// TestOwnerDied follows the report of a death through its life.
func TestOwnerDied(t *testing.T) {
	proctest.Mortal(t)
	s := shared.Named(t)
	dead(t, s)
	p, q := s.Start(t, "lock"), s.Start(t, "lock")
	for _, step := range []struct {
		p              *proctest.Proc
		method, answer string
	}{
		{p, "LockContext", "owner died"},
		{q, "TryLock", "false"},
		{p, "Unlock", "done"},
		{q, "LockContext", "owner died"}, // to everybody, until somebody repairs
		{q, "Unlock", "done"},
		{p, "Lock", "done"}, // does not care
		{p, "Unlock", "done"},
		{q, "TryLock", "true"},
		{q, "Unlock", "done"},
		{p, "LockContext", "owner died"},
		{p, "MarkConsistent", "done"},
		{p, "Unlock", "done"},
		{q, "LockContext", "done"},
		{q, "Unlock", "done"},
	} {
		call(step.p, step.method, step.answer)
	}
	end(p)
	end(q)
	err := newLock(t, s.Segment, "mu").LockContext(context.Background())
	if err != nil {
		t.Error(err)
	}
}

func TestOwnerDiedError(t *testing.T) {
	s := shared.Named(t)
	dead(t, s)
	err := newLock(t, s.Segment, "mu").LockContext(context.Background())
	proctest.WantError(t, "LockContext", err, shm.ErrOwnerDied, `lock "mu"`, shared.Name)
}

// TestDeathWhileInconsistent has one process after the other die with the lock
// held: the report survives them all.
func TestDeathWhileInconsistent(t *testing.T) {
	proctest.Mortal(t)
	s := shared.Named(t)
	dead(t, s)
	for range 3 {
		p := s.Start(t, "lock")
		call(p, "LockContext", "owner died")
		p.Kill()
	}
	p := s.Start(t, "lock")
	call(p, "LockContext", "owner died")
	call(p, "MarkConsistent", "done")
	p.Kill() // with the lock held still
	mu := newLock(t, s.Segment, "mu")
	proctest.WantError(t, "LockContext", mu.LockContext(context.Background()), shm.ErrOwnerDied)
}

// TestSlotTakenAgain starts a process in the slot of the dead owner: the owner is
// dead all the same.
func TestSlotTakenAgain(t *testing.T) {
	proctest.Mortal(t)
	s := shared.NamedWith(t, &shm.Options{MaxProcs: 2}) // this process and one more
	dead(t, s)
	mu := newLock(t, s.Segment, "mu")
	owner := mu.Word()
	p := s.Start(t, "lock") // there is no other slot
	call(p, "TryLock", "true")
	if heir := mu.Word() &^ shm.Died; heir == owner || heir == 0 {
		t.Errorf("the owner %x died, the next in its slot is %x", owner, heir)
	}
	call(p, "Unlock", "done")
	end(p)
}

// TestCloseWithLockHeld closes the owner's Segment instead of killing it.
func TestCloseWithLockHeld(t *testing.T) {
	proctest.Mortal(t)
	s := shared.Named(t)
	p, q := s.Start(t, "lock"), s.Start(t, "lock")
	call(p, "Lock", "done")
	q.Send("LockContext")
	end(p)
	q.Expect("owner died")
	call(q, "MarkConsistent", "done")
	call(q, "Unlock", "done")
	end(q)
}

// TestKilledInUnlock kills a process that has given up the lock, but not yet
// woken who waits for it.
func TestKilledInUnlock(t *testing.T) {
	proctest.Mortal(t)
	s := shared.Named(t)
	p, q := s.Start(t, "lock"), s.Start(t, "lock")
	call(p, "Lock", "done")
	q.Send("LockContext")
	proctest.Until(t, "the waiter sleeps", newLock(t, s.Segment, "mu").Sleepers)
	call(p, "HalfUnlock", "done")
	start := time.Now()
	p.Kill()
	q.Expect("done")
	proctest.Prompt(t, "locked", start)
	call(q, "Unlock", "done")
	end(q)
}

// TestWaiterKilled kills a process that waits: that is nobody's loss.
func TestWaiterKilled(t *testing.T) {
	proctest.Mortal(t)
	s := shared.Named(t)
	mu := newLock(t, s.Segment, "mu")
	mu.Lock()
	p, q := s.Start(t, "lock"), s.Start(t, "lock")
	p.Send("LockContext")
	proctest.Until(t, "the waiter sleeps", mu.Sleepers)
	q.Send("LockContext")
	p.Kill()
	mu.Unlock()
	q.Expect("done")
	call(q, "Unlock", "done")
	end(q)
}
