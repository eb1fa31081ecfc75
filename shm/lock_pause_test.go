package shm_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/internal/proctest/shared"
)

// TestOwnerPaused suspends the owner for long: it is not dead, and nobody robs it.
func TestOwnerPaused(t *testing.T) {
	proctest.Mortal(t)
	s := shared.Named(t)
	owner := s.Start(t, "lock")
	call(owner, "Lock", "done")
	owner.Stop()
	mu := newLock(t, s.Segment, "mu")
	ctx, cancel := context.WithTimeout(context.Background(), 150*time.Millisecond)
	defer cancel()
	if err := mu.LockContext(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("LockContext while the owner is paused: %v", err)
	}
	if mu.TryLock() {
		t.Error("TryLock succeeded while the owner is paused")
	}
	owner.Continue()
	call(owner, "Unlock", "done")
	if err := mu.LockContext(context.Background()); err != nil {
		t.Error(err)
	}
	mu.Unlock()
	end(owner)
}

// TestWaiterPaused suspends a process that waits, so that the wake-up meant for
// it does nothing. The next one goes on, and the paused one gets its turn later.
func TestWaiterPaused(t *testing.T) {
	proctest.Mortal(t)
	s := shared.Named(t)
	mu := newLock(t, s.Segment, "mu")
	mu.Lock()
	paused, other := s.Start(t, "lock"), s.Start(t, "lock")
	paused.Send("LockContext")
	proctest.Until(t, "the first waiter sleeps", mu.Sleepers)
	paused.Stop()
	other.Send("LockContext")
	start := time.Now()
	mu.Unlock()
	other.Expect("done")
	proctest.Prompt(t, "locked", start)
	paused.Continue()
	call(other, "Unlock", "done")
	paused.Expect("done")
	call(paused, "Unlock", "done")
	end(paused)
	end(other)
}
