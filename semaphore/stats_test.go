package semaphore_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/internal/proctest/shared"
	"github.com/isthmus-go/isthmus/semaphore"
	"github.com/isthmus-go/isthmus/shm"
)

// The helper "counted" acquires the one permit twice, where it has to wait. It says when it counts
// as asleep, and when it has the permit, and what it has counted.
var _ = proctest.Register("counted", func(c *proctest.Child) {
	seg := shared.Open(c)
	sem := newSemaphore(c, seg, 1, nil)
	for n := range uint64(2) {
		c.Recv()
		acquired := proctest.Go(func() error { return sem.Acquire(context.Background(), 1) })
		proctest.Until(c, "it sleeps", func() bool { return sem.Stats().Waits == n+1 })
		c.Send("asleep")
		c.Check(proctest.Result(c, acquired))
		sem.Release(1)
		stats := sem.Stats()
		stats.WakeUps = 0 // who has waited for long may wake others when it is served
		c.Send(stats)
	}
	c.Check(seg.Close())
})

func wantStats(t *testing.T, when string, sem *semaphore.Semaphore, want shm.Stats) {
	t.Helper()
	if got := sem.Stats(); got != want {
		t.Errorf("%s: got %+v, want %+v", when, got, want)
	}
}

// TestStats has one process wait for the permit of this one, twice: one waits, the other wakes it.
func TestStats(t *testing.T) {
	s := shared.Named(t)
	sem := newSemaphore(t, s.Segment, 1, nil)
	p := s.Start(t, "counted")
	for n := range uint64(2) {
		for range 10 {
			sem.Release(0)
			if !sem.TryAcquire(1) || sem.TryAcquire(1) {
				t.Fatal("there is not one permit")
			}
			sem.Release(1)
		}
		sem.TryAcquire(1)
		wantStats(t, "uncontended", sem, shm.Stats{WakeUps: n})
		p.Send("go")
		p.Expect("asleep")
		sem.Release(1)
		p.Expect(fmt.Sprint(shm.Stats{Waits: n + 1}))
		wantStats(t, "who has woken", sem, shm.Stats{WakeUps: n + 1})
	}
	p.Wait()
	if err := s.Segment.Close(); err != nil {
		t.Fatal(err)
	}
	wantStats(t, "after Close", sem, shm.Stats{WakeUps: 2})
}

// TestStatsNever counts a wait for more permits than there are.
func TestStatsNever(t *testing.T) {
	sem := newSemaphore(t, shared.Named(t).Segment, 1, nil)
	ctx, cancel := context.WithCancel(context.Background())
	acquired := proctest.Go(func() error { return sem.Acquire(ctx, 2) })
	proctest.Until(t, "it waits", func() bool { return sem.Stats().Waits == 1 })
	cancel()
	if err := proctest.Result(t, acquired); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	wantStats(t, "cancelled", sem, shm.Stats{Waits: 1})
}

// TestStatsRepairs kills processes that hold permits, or are inside a change: who comes next
// repairs that, once.
func TestStatsRepairs(t *testing.T) {
	proctest.Mortal(t)
	s := shared.Named(t)
	sem := newSemaphore(t, s.Segment, 4, nil)
	for n, step := range []string{"Acquire", semaphore.StepBegun, semaphore.StepHeld, "Acquire"} {
		p := s.Start(t, "semaphore", "4")
		call(p, step, 2, "done")
		if sem.TryAcquire(3) {
			t.Fatal("there is no holder")
		}
		wantStats(t, "while it lives", sem, shm.Stats{Repairs: uint64(n)})
		p.Kill()
		proctest.Until(t, "permits come back", func() bool { return sem.TryAcquire(4) })
		sem.Release(4)
		wantStats(t, step+", killed", sem, shm.Stats{Repairs: uint64(n) + 1})
	}
}
