package semaphore_test

import (
	"context"
	"testing"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/internal/proctest/shared"
	"github.com/isthmus-go/isthmus/internal/wait"
	"github.com/isthmus-go/isthmus/semaphore"
)

// TestWakePassedOn has somebody come for two permits while a Release wakes one of those
// who want one, and get the wake-up in that one's place: the Release wakes the others too.
func TestWakePassedOn(t *testing.T) {
	s := shared.Named(t)
	sem := newSemaphore(t, s.Segment, 1, nil)
	others := []*semaphore.Semaphore{
		newSemaphore(t, s.Another(t), 1, nil), newSemaphore(t, s.Another(t), 1, nil),
	}
	acquired := make(chan *semaphore.Semaphore)
	semaphore.AtWake(t, func() {
		// The one that was woken stands for the one that came: the permit is free again,
		// and nobody knows.
		woken := proctest.Result(t, acquired)
		sem.SetChoosy(true)
		woken.ReleaseSilently(1)
	})
	before := wait.Overslept()
	for range 20 {
		sem.SetChoosy(false)
		if !sem.TryAcquire(1) {
			t.Fatal("TryAcquire failed")
		}
		for _, other := range others {
			go func() {
				if err := other.Acquire(context.Background(), 1); err != nil {
					t.Error(err)
				}
				acquired <- other
			}()
		}
		proctest.Until(t, "somebody sleeps", sem.Sleepers)
		sem.Release(1)
		proctest.Result(t, acquired).ReleaseSilently(1)
		if wait.Overslept() != before {
			t.Fatal("a wake-up was lost")
		}
	}
	semaphore.AtWake(t, func() {})
	whole(t, sem)
}
