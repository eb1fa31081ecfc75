package semaphore_test

import (
	"context"
	"io/fs"
	"math"
	"sync"
	"testing"
	"time"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/internal/proctest/shared"
	"github.com/isthmus-go/isthmus/semaphore"
	"github.com/isthmus-go/isthmus/shm"
)

func TestNew(t *testing.T) {
	s := shared.Named(t)
	for _, test := range []struct {
		name string
		n    int64
		opts *semaphore.Options
		size int64
	}{
		{"nil options", 3, nil, 3},
		{"zero options", 3, &semaphore.Options{}, 3},
		{"needless bound", 3, &semaphore.Options{Bound: 3}, 3},
		{"largest", 1<<53 - 1, nil, 1<<53 - 1},
		{"signalling", 0, &semaphore.Options{Signalling: true}, 1<<53 - 1},
		{"signalling, bound", 2, &semaphore.Options{Signalling: true, Bound: 5}, 5},
		{"signalling, full", 5, &semaphore.Options{Signalling: true, Bound: 5}, 5},
	} {
		sem, err := semaphore.New(s.Segment, test.name, test.n, test.opts)
		if err != nil {
			t.Error(err)
			continue
		}
		if sem.Value() != test.n || sem.Size() != test.size {
			t.Errorf("%s: %d of %d permits are free, expected %d of %d", test.name, sem.Value(), sem.Size(), test.n, test.size)
		}
		again, err := semaphore.New(s.Segment, test.name, test.n, test.opts)
		if err != nil || again != sem {
			t.Errorf("%s: a second New returned another semaphore, and %v", test.name, err)
		}
	}
}

func TestNewRefused(t *testing.T) {
	s := shared.Named(t)
	newSemaphore(t, s.Segment, 3, nil)
	if _, err := shm.NewLock(s.Segment, "lock"); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		what, name string
		n          int64
		opts       *semaphore.Options
		is         error
		says       string
	}{
		{"no permits", "new", 0, nil, semaphore.ErrPermits, "0 permits"},
		{"negative permits", "new", -1, nil, semaphore.ErrPermits, "-1 permits"},
		{"too many permits", "new", 1 << 53, nil, semaphore.ErrPermits, "9007199254740992 permits"},
		{"far too many permits", "new", math.MaxInt64, nil, semaphore.ErrPermits, ""},
		{"a bound without signalling", "new", 3, &semaphore.Options{Bound: 4}, semaphore.ErrPermits, "bound of 4"},
		{"negative bound", "new", 0, &semaphore.Options{Signalling: true, Bound: -1}, semaphore.ErrPermits, "bound of -1"},
		{"more than the bound", "new", 3, &semaphore.Options{Signalling: true, Bound: 2}, semaphore.ErrPermits, "bound of 2"},
		{"negative, signalling", "new", -1, &semaphore.Options{Signalling: true}, semaphore.ErrPermits, "-1 permits"},
		{"fewer permits", "sem", 2, nil, shm.ErrMismatch, "capacity 3, asked for 2"},
		{"more permits", "sem", 4, nil, shm.ErrMismatch, "capacity 3, asked for 4"},
		{"signalling", "sem", 3, &semaphore.Options{Signalling: true, Bound: 3}, shm.ErrMismatch, "options"},
		{"lock", "lock", 3, nil, shm.ErrMismatch, "lock"},
		{"bad name", "a\x00b", 3, nil, shm.ErrName, "name"},
	} {
		sem, err := semaphore.New(s.Segment, test.name, test.n, test.opts)
		proctest.WantError(t, test.what, err, test.is, "semaphore", shared.Name, test.says)
		if sem != nil {
			t.Errorf("%s: there is a semaphore all the same", test.what)
		}
	}
	_, err := shm.NewLock(s.Segment, "sem")
	proctest.WantError(t, "semaphore as lock", err, shm.ErrMismatch, "lock", "semaphore")
}

// TestMisuse does with permits what cannot be done, and shows that nothing is.
func TestMisuse(t *testing.T) {
	s := shared.Named(t)
	sem := newSemaphore(t, s.Segment, 5, nil)
	other := newSemaphore(t, s.Another(t), 5, nil)
	p := s.Start(t, "semaphore", "5")
	if !sem.TryAcquire(1) || !other.TryAcquire(2) {
		t.Fatal("TryAcquire failed")
	}
	call(p, "Acquire", 1, "done")
	for name, misuse := range map[string]func(){
		"Release of more than held":       func() { sem.Release(2) },
		"Release of others' too":          func() { sem.Release(4) },
		"Release of more than there are":  func() { sem.Release(6) },
		"Release of the largest number":   func() { sem.Release(math.MaxInt64) },
		"Release of a negative number":    func() { sem.Release(-1) },
		"TryAcquire of a negative number": func() { sem.TryAcquire(-1) },
	} {
		r := proctest.PanicOf(misuse)
		proctest.WantText(t, name, r, "isthmus: ", `semaphore "sem"`, shared.Name, "permits")
		if sem.Value() != 1 {
			t.Errorf("%s changed the free permits to %d", name, sem.Value())
		}
	}
	proctest.WantError(t, "Acquire of a negative number", sem.Acquire(context.Background(), -1), semaphore.ErrPermits, `semaphore "sem"`)
	p.Send("Release 2")
	proctest.WantText(t, "Release in another process", p.Recv(), "isthmus: ", `semaphore "sem"`, shared.Name, "more than held")
	sem.Release(1)
	other.Release(2)
	call(p, "Release", 1, "done")
	end(p)
	proctest.WantText(t, "Release without any", proctest.PanicOf(func() { sem.Release(1) }), "more than held")
	if sem.Value() != 5 {
		t.Errorf("%d permits are free in the end", sem.Value())
	}
}

// TestZeroPermits shows that no permits are no trouble.
func TestZeroPermits(t *testing.T) {
	sem := newSemaphore(t, shared.Named(t).Segment, 1, nil)
	for range 2 {
		if err := sem.Acquire(context.Background(), 0); err != nil || !sem.TryAcquire(0) {
			t.Errorf("Acquire(0) = %v, or TryAcquire(0) failed", err)
		}
		sem.Release(0)
		sem.TryAcquire(1) // none are left the second time
	}
}

func TestAcquireRefused(t *testing.T) {
	sem := newSemaphore(t, shared.Named(t).Segment, 1, nil)
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
		switch err := sem.Acquire(test.ctx, 1); {
		case test.ctx != nil:
			wantBare(t, err, test.want)
		default:
			proctest.WantError(t, "Acquire", err, test.want, `semaphore "sem"`)
		}
		if sem.Value() != 1 {
			t.Errorf("Acquire took a permit and returned %v", test.want)
		}
	}
}

// wantBare wants the error of a context as it is, as Weighted returns it.
func wantBare(t *testing.T, err, want error) {
	t.Helper()
	if err != want {
		t.Errorf("Acquire: %v, want %v", err, want)
	}
}

// TestAcquireCancelled cancels waits, for what may come and for what never does.
func TestAcquireCancelled(t *testing.T) {
	s := shared.Named(t)
	p := s.Start(t, "semaphore", "3")
	call(p, "Acquire", 2, "done")
	sem := newSemaphore(t, s.Segment, 3, nil)
	ctx, cancel := context.WithCancel(context.Background())
	var waiters []<-chan error
	for _, n := range []int64{2, 2, 3, 4, math.MaxInt64} {
		waiters = append(waiters, proctest.Go(func() error { return sem.Acquire(ctx, n) }))
	}
	proctest.Until(t, "a waiter sleeps", sem.Sleepers)
	start := time.Now()
	cancel()
	for _, w := range waiters {
		wantBare(t, proctest.Result(t, w), context.Canceled)
	}
	proctest.Prompt(t, "cancelled", start)
	if sem.Value() != 1 {
		t.Errorf("%d permits are free, expected 1", sem.Value())
	}
	call(p, "Release", 2, "done")
	if !sem.TryAcquire(3) {
		t.Error("TryAcquire failed after the waiters had given up")
	}
	sem.Release(3)
	end(p)
}

// TestImpossible has one goroutine wait for more than there can be: that is in
// nobody's way.
func TestImpossible(t *testing.T) {
	s := shared.Named(t)
	sem := newSemaphore(t, s.Segment, 2, nil)
	ctx, cancel := context.WithCancel(context.Background())
	impossible := proctest.Go(func() error { return sem.Acquire(ctx, 3) })
	if !sem.TryAcquire(2) {
		t.Fatal("TryAcquire failed")
	}
	waiter := proctest.Go(func() error { return sem.Acquire(context.Background(), 1) })
	proctest.Until(t, "the waiter sleeps", sem.Sleepers)
	sem.Release(1)
	if err := proctest.Result(t, waiter); err != nil {
		t.Error(err)
	}
	p := s.Start(t, "semaphore", "2")
	p.Send("Acquire 2")
	sem.Release(2)
	p.Expect("done")
	call(p, "Release", 2, "done")
	end(p)
	cancel()
	wantBare(t, proctest.Result(t, impossible), context.Canceled)
}

// TestHandOver wakes a sleeper of this process by the Release of another.
func TestHandOver(t *testing.T) {
	s := shared.Named(t)
	p := s.Start(t, "semaphore", "4")
	call(p, "Acquire", 4, "done")
	sem := newSemaphore(t, s.Segment, 4, nil)
	for _, n := range []int64{1, 4, 2} {
		acquired := proctest.Go(func() error { return sem.Acquire(context.Background(), n) })
		proctest.Until(t, "the waiter sleeps", sem.Sleepers)
		call(p, "Release", 4, "done")
		if err := proctest.Result(t, acquired); err != nil {
			t.Error(err)
		}
		sem.Release(n)
		call(p, "Acquire", 4, "done")
	}
	call(p, "Release", 4, "done")
	end(p)
}

// TestGoroutines has the goroutines of one process share the permits.
func TestGoroutines(t *testing.T) {
	const goroutines, times, size = 8, 500, 3
	sem := newSemaphore(t, shared.Named(t).Segment, size, nil)
	inside := make(chan bool, size)
	var wg sync.WaitGroup
	for g := range goroutines {
		wg.Go(func() {
			n := 1 + g%size
			for range times {
				if err := sem.Acquire(context.Background(), int64(n)); err != nil {
					t.Error(err)
				}
				for range n {
					select {
					case inside <- true:
					default:
						t.Error("too many are inside")
					}
				}
				for range n {
					<-inside
				}
				sem.Release(int64(n))
			}
		})
	}
	wg.Wait()
	if sem.Value() != size {
		t.Errorf("%d permits are free in the end", sem.Value())
	}
}
