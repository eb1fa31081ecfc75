package semaphore_test

import (
	"context"
	"testing"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/internal/proctest/shared"
	"github.com/isthmus-go/isthmus/semaphore"
)

const signalling = "signalling" // the second argument of the helper "semaphore"

// TestSignalling acquires in one process what another releases.
func TestSignalling(t *testing.T) {
	s := shared.Named(t)
	sem := newSemaphore(t, s.Segment, 0, &semaphore.Options{Signalling: true, Bound: 3})
	p := s.Start(t, "semaphore", "3", signalling)
	if sem.TryAcquire(1) {
		t.Fatal("TryAcquire succeeded before any Release")
	}
	p.Send("Acquire 2")
	proctest.Until(t, "the waiter sleeps", sem.Sleepers)
	sem.Release(1)
	sem.Release(1)
	p.Expect("done")
	acquired := proctest.Go(func() error { return sem.Acquire(context.Background(), 3) })
	proctest.Until(t, "the waiter sleeps", sem.Sleepers)
	call(p, "Release", 3, "done")
	if err := proctest.Result(t, acquired); err != nil {
		t.Error(err)
	}
	end(p)
	if sem.Value() != 0 {
		t.Errorf("%d permits are free in the end", sem.Value())
	}
}

// TestSignallingBound releases more than the bound allows.
func TestSignallingBound(t *testing.T) {
	s := shared.Named(t)
	sem := newSemaphore(t, s.Segment, 0, &semaphore.Options{Signalling: true, Bound: 3})
	p := s.Start(t, "semaphore", "3", signalling)
	call(p, "Release", 2, "done")
	proctest.WantText(t, "Release over the bound", proctest.PanicOf(func() { sem.Release(2) }), "isthmus: ", `semaphore "sem"`, shared.Name)
	p.Send("Release 4")
	proctest.WantText(t, "Release over the bound", p.Recv(), "isthmus: ", `semaphore "sem"`, shared.Name)
	if sem.Value() != 2 {
		t.Errorf("%d permits are free, expected 2", sem.Value())
	}
	sem.Release(1)
	end(p)
}

// TestSignallingDeath kills a process that has acquired: its permits are gone, as
// the options say. What it has released stays.
func TestSignallingDeath(t *testing.T) {
	proctest.Mortal(t)
	s := shared.Named(t)
	sem := newSemaphore(t, s.Segment, 0, &semaphore.Options{Signalling: true, Bound: 9})
	p := s.Start(t, "semaphore", "9", signalling)
	call(p, "Release", 5, "done")
	call(p, "Acquire", 2, "done")
	p.Kill()
	if sem.TryAcquire(4) || !sem.TryAcquire(3) {
		t.Error("there were not exactly three permits left")
	}
}
