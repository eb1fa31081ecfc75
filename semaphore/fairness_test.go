package semaphore_test

import (
	"context"
	"runtime"
	"testing"
	"time"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/internal/proctest/shared"
	"github.com/isthmus-go/isthmus/shm"
)

// A grabber takes one permit again and again, and keeps it until somebody else has
// taken one, if somebody does: by chance, they are never all free.
var _ = proctest.Register("grabber", func(c *proctest.Child) {
	seg := shared.Open(c)
	sem := newSemaphore(c, seg, 4, nil)
	taken, stop := shared.Value[int64](c, seg, "taken"), shared.Value[bool](c, seg, "stop")
	c.Send("ready")
	for !stop.Load() {
		c.Check(sem.Acquire(context.Background(), 1))
		n := shm.Add(taken, 1)
		for start := time.Now(); taken.Load() == n && time.Since(start) < 5*time.Millisecond; {
			runtime.Gosched()
		}
		sem.Release(1)
	}
	c.Check(seg.Close())
})

// TestLargeRequest asks for all permits while other processes never cease to take
// single ones.
func TestLargeRequest(t *testing.T) {
	s := shared.Named(t)
	sem := newSemaphore(t, s.Segment, 4, nil)
	procs := s.StartAll(t, 3, "grabber")
	for _, p := range procs {
		p.Expect("ready")
	}
	for range 5 {
		start := time.Now()
		acquired := proctest.Go(func() error { return sem.Acquire(context.Background(), 4) })
		if err := proctest.Result(t, acquired); err != nil {
			t.Fatal(err)
		}
		proctest.Prompt(t, "all acquired", start)
		sem.Release(4)
	}
	shared.Value[bool](t, s.Segment, "stop").Store(true)
	for _, p := range procs {
		p.Wait()
	}
	whole(t, sem)
}

// TestWaiterPaused suspends a process that is to be served first: the others wait
// for it, but not for long.
func TestWaiterPaused(t *testing.T) {
	proctest.Mortal(t)
	s := shared.Named(t)
	sem := newSemaphore(t, s.Segment, 4, nil)
	if !sem.TryAcquire(1) {
		t.Fatal("TryAcquire failed")
	}
	paused, other := s.Start(t, "semaphore", "4"), s.Start(t, "semaphore", "4")
	paused.Send("Acquire 4")
	proctest.Until(t, "the waiter is urgent", sem.Urgent)
	paused.Stop()
	for range 3 {
		start := time.Now()
		call(other, "Acquire", 1, "done")
		proctest.Prompt(t, "acquired", start)
		call(other, "Release", 1, "done")
	}
	start := time.Now()
	proctest.Until(t, "TryAcquire succeeds", func() bool { return sem.TryAcquire(2) })
	proctest.Prompt(t, "acquired by trying", start)
	sem.Release(3)
	paused.Continue()
	paused.Expect("done")
	call(paused, "Release", 4, "done")
	whole(t, sem)
	end(paused)
	end(other)
}

// TestHolderPaused suspends a process that holds permits: it keeps them.
func TestHolderPaused(t *testing.T) {
	proctest.Mortal(t)
	s := shared.Named(t)
	sem := newSemaphore(t, s.Segment, 2, nil)
	p := s.Start(t, "semaphore", "2")
	call(p, "Acquire", 2, "done")
	p.Stop()
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	wantBare(t, sem.Acquire(ctx, 1), context.DeadlineExceeded)
	p.Continue()
	call(p, "Release", 2, "done")
	whole(t, sem)
	end(p)
}
