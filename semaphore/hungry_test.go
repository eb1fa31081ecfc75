package semaphore_test

import (
	"context"
	"testing"
	"time"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/internal/proctest/shared"
)

// TestHungryGone has waiters that are served first die, stop, or give up: the others
// go on.
func TestHungryGone(t *testing.T) {
	proctest.Mortal(t)
	for _, test := range []struct {
		name string
		gone func(victims []*proctest.Proc)
	}{
		{"killed", func(victims []*proctest.Proc) {
			for _, p := range victims {
				p.Kill()
			}
		}},
		{"stopped", func(victims []*proctest.Proc) {
			for _, p := range victims {
				p.Stop()
			}
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := shared.Named(t)
			sem, other := newSemaphore(t, s.Segment, 4, nil), s.Start(t, "semaphore", "4")
			if !sem.TryAcquire(1) {
				t.Fatal("TryAcquire failed")
			}
			victims := s.StartAll(t, 4, "semaphore", "4")
			for _, p := range victims {
				p.Send("Acquire 4")
			}
			proctest.Until(t, "one is hungry", sem.Urgent)
			test.gone(victims)
			start := time.Now()
			for range 100 {
				call(other, "Acquire", 1, "done")
				call(other, "Release", 1, "done")
			}
			proctest.Prompt(t, "acquired 100 times", start)
			end(other)
			for _, p := range victims {
				p.Kill()
			}
		})
	}
}

// TestHungryCancelled has a waiter that is served first give up.
func TestHungryCancelled(t *testing.T) {
	proctest.Mortal(t)
	s := shared.Named(t)
	sem, other := newSemaphore(t, s.Segment, 4, nil), s.Start(t, "semaphore", "4")
	for range 10 {
		call(other, "Acquire", 1, "done")
		ctx, cancel := context.WithCancel(context.Background())
		acquired := proctest.Go(func() error { return sem.Acquire(ctx, 4) })
		proctest.Until(t, "the waiter is hungry", sem.Urgent)
		other.Send("Acquire 1")
		cancel()
		wantBare(t, proctest.Result(t, acquired), context.Canceled)
		other.Expect("done")
		call(other, "Release", 2, "done")
	}
	end(other)
}

// TestHungryStopped stops a process that is served first. Others who wait for less than
// it takes to pass it over, one after the other, do not keep it first.
func TestHungryStopped(t *testing.T) {
	proctest.Mortal(t)
	s := shared.Named(t)
	sem := newSemaphore(t, s.Segment, 4, nil)
	if !sem.TryAcquire(1) {
		t.Fatal("TryAcquire failed")
	}
	stopped := s.Start(t, "semaphore", "4")
	stopped.Send("Acquire 4")
	proctest.Until(t, "the waiter is hungry", sem.Urgent)
	stopped.Stop()
	proctest.Until(t, "a permit is acquired", func() bool {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Millisecond)
		defer cancel()
		return sem.Acquire(ctx, 1) == nil
	})
	stopped.Kill()
}
