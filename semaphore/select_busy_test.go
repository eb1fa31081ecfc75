package semaphore_test

import (
	"context"
	"testing"
	"time"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/internal/proctest/shared"
	"github.com/isthmus-go/isthmus/semaphore"
	"github.com/isthmus-go/isthmus/shm"
)

// TestSelectBusy has a process stand still inside a change: that holds up neither the other
// cases, nor the end of the context.
func TestSelectBusy(t *testing.T) {
	s := shared.Named(t)
	sem, other := newSemaphore(t, s.Segment, 2, nil), newSemaphore(t, s.Another(t), 2, nil)
	event := proctest.Must(shm.NewEvent(s.Segment, "event"))(t)
	other.ChangeUpTo(semaphore.StepBegun, 1)
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	start := time.Now()
	if got := proctest.Result(t, shm.SelectChan(ctx, sem.AcquireCase(1), event.WaitCase())); got.Index != -1 {
		t.Errorf("got %+v", got)
	}
	event.Set()
	for range 10 { // in any order
		if got := proctest.Result(t, shm.SelectChan(context.Background(), sem.AcquireCase(1), event.WaitCase())); got.Index != 1 {
			t.Errorf("got %+v", got)
		}
	}
	t.Log(time.Since(start))
}
