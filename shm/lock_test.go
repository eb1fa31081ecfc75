package shm_test

import (
	"context"
	"io/fs"
	"sync"
	"testing"
	"time"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/internal/proctest/shared"
	"github.com/isthmus-go/isthmus/shm"
)

var _ sync.Locker = (*shm.Lock)(nil)

// TestSameLock makes a lock twice: on one Segment that is the same lock, on two
// Segments of one file it is as with two processes.
func TestSameLock(t *testing.T) {
	s := shared.Named(t)
	a, b := newLock(t, s.Segment, "mu"), newLock(t, s.Segment, "mu")
	if a != b {
		t.Error("two NewLock of one name on one Segment differ")
	}
	if newLock(t, s.Segment, "other") == a {
		t.Error("two NewLock of two names are the same")
	}
	a.Lock()
	if newLock(t, s.Another(t), "mu").TryLock() {
		t.Error("TryLock through another Segment succeeded on a held lock")
	}
	b.Unlock()
}

func TestTryLock(t *testing.T) {
	s := shared.Named(t)
	mine, other := newLock(t, s.Segment, "mu"), newLock(t, s.Another(t), "mu")
	for range 3 {
		if !mine.TryLock() {
			t.Fatal("TryLock failed on a free lock")
		}
		if mine.TryLock() || other.TryLock() {
			t.Fatal("TryLock succeeded on a held lock")
		}
		mine.Unlock()
		if !other.TryLock() {
			t.Fatal("TryLock failed on a lock that another process had unlocked")
		}
		other.Unlock()
	}
}

// TestUnlockByAnotherGoroutine shows that a lock is held by the process.
func TestUnlockByAnotherGoroutine(t *testing.T) {
	mu := newLock(t, shared.Named(t).Segment, "mu")
	mu.Lock()
	proctest.Result(t, proctest.Go(func() bool { mu.Unlock(); return true }))
	if !mu.TryLock() {
		t.Error("TryLock failed after Unlock by another goroutine")
	}
	mu.Unlock()
}

// TestGoroutines has the goroutines of one process take turns, by all the ways to
// lock. The detector of a build with -race sees whether the lock orders them.
func TestGoroutines(t *testing.T) {
	mu := newLock(t, shared.Named(t).Segment, "mu")
	lock := []func(){
		mu.Lock,
		func() {
			if err := mu.LockContext(context.Background()); err != nil {
				t.Error(err)
			}
		},
		func() {
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			if err := mu.LockContext(ctx); err != nil {
				t.Error(err)
			}
		},
		func() {
			if !mu.TryLock() {
				mu.Lock()
			}
		},
	}
	const goroutines, times = 8, 500
	counter := 0 // on the heap
	var wg sync.WaitGroup
	for i := range goroutines {
		wg.Go(func() {
			for range times {
				lock[i%len(lock)]()
				counter++
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if counter != goroutines*times {
		t.Errorf("the counter is %d, expected %d", counter, goroutines*times)
	}
}

func TestLockContextRefused(t *testing.T) {
	mu := newLock(t, shared.Named(t).Segment, "mu")
	cancelled, cancel := context.WithCancel(context.Background())
	cancel()
	expired, cancel := context.WithTimeout(context.Background(), -time.Second)
	defer cancel()
	for _, test := range []struct {
		ctx  context.Context
		want error
	}{
		{nil, fs.ErrInvalid},
		{cancelled, context.Canceled},
		{expired, context.DeadlineExceeded},
	} {
		err := mu.LockContext(test.ctx)
		proctest.WantError(t, "LockContext", err, test.want, `lock "mu"`)
		if !mu.TryLock() {
			t.Fatalf("LockContext took the lock and returned %v", err)
		}
		mu.Unlock()
	}
}

// TestLockContextCancelled cancels the wait for a lock that another process has.
func TestLockContextCancelled(t *testing.T) {
	s := shared.Named(t)
	holder := s.Start(t, "lock")
	call(holder, "Lock", "done")
	mu := newLock(t, s.Segment, "mu")
	ctx, cancel := context.WithCancel(context.Background())
	waiter := proctest.Go(func() error { return mu.LockContext(ctx) })
	queued := proctest.Go(func() error { return mu.LockContext(ctx) }) // for its turn
	proctest.Until(t, "a waiter sleeps", mu.Sleepers)
	start := time.Now()
	cancel()
	for _, c := range []<-chan error{waiter, queued} {
		proctest.WantError(t, "LockContext", proctest.Result(t, c), context.Canceled, `lock "mu"`, shared.Name)
	}
	proctest.Prompt(t, "cancelled", start)
	if mu.TryLock() {
		t.Error("TryLock succeeded while another process holds the lock")
	}
	call(holder, "Unlock", "done")
	end(holder)
	if err := mu.LockContext(context.Background()); err != nil {
		t.Error(err)
	}
}

func TestLockContextDeadline(t *testing.T) {
	s := shared.Named(t)
	mu := newLock(t, s.Segment, "mu")
	newLock(t, s.Another(t), "mu").Lock()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
	defer cancel()
	proctest.WantError(t, "LockContext", mu.LockContext(ctx), context.DeadlineExceeded, `lock "mu"`, shared.Name)
}

// TestHandOver wakes a sleeper of this process by the Unlock of another.
func TestHandOver(t *testing.T) {
	s := shared.Named(t)
	holder := s.Start(t, "lock")
	call(holder, "Lock", "done")
	mu := newLock(t, s.Segment, "mu")
	locked := proctest.Go(func() bool { mu.Lock(); return true })
	proctest.Until(t, "the waiter sleeps", mu.Sleepers)
	call(holder, "Unlock", "done")
	proctest.Result(t, locked)
	mu.Unlock()
	end(holder)
}
