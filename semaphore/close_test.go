package semaphore_test

import (
	"context"
	"runtime"
	"testing"
	"time"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/internal/proctest/shared"
	"github.com/isthmus-go/isthmus/semaphore"
)

func TestClosed(t *testing.T) {
	for name, opts := range map[string]*semaphore.Options{
		"plain":    nil,
		signalling: {Signalling: true, Bound: 3},
	} {
		t.Run(name, func(t *testing.T) {
			s := shared.Named(t)
			sem := newSemaphore(t, s.Segment, 3, opts)
			sem.TryAcquire(1)
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			for range 2 { // the first round must not leave anything for the second
				wantClosed(t, "Acquire", sem.Acquire(context.Background(), 1))
				wantClosed(t, "Acquire of too many", sem.Acquire(context.Background(), 4))
				wantClosed(t, "Acquire of none", sem.Acquire(context.Background(), 0))
				wantClosed(t, "TryAcquire", proctest.PanicOf(func() { sem.TryAcquire(1) }))
				wantClosed(t, "TryAcquire of none", proctest.PanicOf(func() { sem.TryAcquire(0) }))
				wantClosed(t, "Release", proctest.PanicOf(func() { sem.Release(1) }))
				wantClosed(t, "Release of none", proctest.PanicOf(func() { sem.Release(0) }))
				wantClosed(t, "Value", proctest.PanicOf(func() { sem.Value() }))
			}
			_, err := semaphore.New(s.Segment, "sem", 3, opts)
			wantClosed(t, "New", err)
			if sem.Size() != 3 {
				t.Errorf("Size is %d", sem.Size())
			}
		})
	}
}

// TestCloseWhileWaiting closes a Segment while goroutines wait: one asleep, some
// for their turn to sleep, some for what never comes.
func TestCloseWhileWaiting(t *testing.T) {
	proctest.Mortal(t)
	s := shared.Named(t)
	newSemaphore(t, s.Another(t), 2, nil).TryAcquire(2)
	sem := newSemaphore(t, s.Segment, 2, nil)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var waiters []<-chan error
	for _, n := range []int64{1, 2, 3} {
		waiters = append(waiters,
			proctest.Go(func() error { return sem.Acquire(context.Background(), n) }),
			proctest.Go(func() error { return sem.Acquire(ctx, n) }))
	}
	proctest.Until(t, "a waiter sleeps", sem.Sleepers)
	start := time.Now()
	s.Close()
	for _, w := range waiters {
		wantClosed(t, "a waiter", proctest.Result(t, w))
	}
	proctest.Prompt(t, "told", start)
}

// TestCloseUnderLoad closes a Segment in the middle of what other goroutines do
// with it. They get ErrClosed, and no permit is lost.
func TestCloseUnderLoad(t *testing.T) {
	proctest.Mortal(t)
	s := shared.Named(t)
	for range 5 {
		seg := s.Another(t)
		sem := newSemaphore(t, seg, 3, nil)
		use := func(n int64) func() {
			return func() {
				if err := sem.Acquire(context.Background(), n); err != nil {
					panic(err)
				}
				sem.Release(n)
			}
		}
		shared.CloseUnder(t, seg, use(1), use(2), use(3))
	}
	whole(t, newSemaphore(t, s.Segment, 3, nil))
}

// TestCloseAfter closes a Segment with permits that another goroutine has given back: that
// goroutine does not notice.
func TestCloseAfter(t *testing.T) {
	shared.Named(t)
	for range proctest.Scaled(1000) {
		seg := shared.Open(t)
		sem := newSemaphore(t, seg, 3, nil)
		sem.TryAcquire(3)
		panicked := proctest.Go(func() any { return proctest.PanicOf(func() { sem.Release(3) }) })
		for sem.Value() == 0 {
			runtime.Gosched()
		}
		proctest.Check(t, seg.Close())
		if p := proctest.Result(t, panicked); p != nil {
			t.Fatal(p)
		}
	}
}

// TestClosedTakesOnce has an Acquire find the segment closed when it has taken: it does
// not take again. Close may not have cut it off yet, and what is taken from a signalling
// semaphore is lost.
func TestClosedTakesOnce(t *testing.T) {
	s := shared.Named(t)
	sem := newSemaphore(t, s.Segment, 5, &semaphore.Options{Signalling: true, Bound: 5})
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	sem.SetFree(5)
	wantClosed(t, "Acquire", sem.Acquire(context.Background(), 2))
	if sem.Free() < 3 {
		t.Errorf("Acquire of 2 has left %d of 5", sem.Free())
	}
}
