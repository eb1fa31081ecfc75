package shm_test

import (
	"context"
	"fmt"
	"io/fs"
	"math"
	"sync"
	"testing"
	"time"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/internal/proctest/shared"
	"github.com/isthmus-go/isthmus/shm"
)

// TestRecursiveReacquire locks again, and is alone until it has unlocked as often. (CPython's
// test_reacquire, test_try_acquire, test_try_acquire_contended, test_recursion_count and
// test__is_owned; and test_rlock of multiprocessing.)
func TestRecursiveReacquire(t *testing.T) {
	shared.Each(t, func(t *testing.T, s shared.Segment) {
		l, p := newRecursiveLock(t, s.Segment, "r"), s.Start(t, "recursive")
		if newRecursiveLock(t, s.Segment, "r") != l {
			t.Error("two NewRecursiveLock of one name on one Segment differ")
		}
		lock := []func(){
			func() { l.Lock(7) },
			func() {
				if !l.TryLock(7) {
					t.Error("TryLock failed")
				}
			},
			func() { proctest.Check(t, l.LockContext(context.Background(), 7)) },
		}
		for first := range lock {
			wantCount(t, l, 0)
			for i := range 2 * len(lock) {
				lock[(first+i)%len(lock)]()
				wantCount(t, l, i+1)
				if l.TryLock(8) || l.Count(8) != 0 {
					t.Error("another token of the process holds it too")
				}
				recursiveStep{"TryLock", 7, false}.by(t, p)
				recursiveStep{"Count", 7, 0}.by(t, p)
			}
			for i := range 2 * len(lock) {
				recursiveStep{"TryLock", 7, false}.by(t, p)
				wantCount(t, l, 2*len(lock)-i)
				l.Unlock(7)
			}
			for _, token := range []uint32{7, 8} {
				recursiveStep{"TryLock", token, true}.by(t, p)
				recursiveStep{"Count", token, 1}.by(t, p)
				if l.TryLock(7) {
					t.Error("TryLock succeeded while another process holds it")
				}
				recursiveStep{"Unlock", token, "done"}.by(t, p)
			}
		}
		endRecursive(p)
	})
}

func wantCount(t *testing.T, l *shm.RecursiveLock, want int) {
	t.Helper()
	if got := l.Count(7); got != want {
		t.Errorf("the token holds it %d times, expected %d", got, want)
	}
}

// TestRecursiveContended has waiters, of another token and of another process, get the lock
// at the last Unlock, and not before. (CPython's test_acquire_contended and
// test_different_thread.)
func TestRecursiveContended(t *testing.T) {
	s := shared.Named(t)
	l, p := newRecursiveLock(t, s.Segment, "r"), s.Start(t, "recursive")
	for _, remote := range []bool{true, false} {
		l.Lock(7)
		l.Lock(7)
		var got <-chan bool
		if remote {
			p.Send("Lock", 7)
		} else {
			got = proctest.Go(func() bool { l.Lock(8); return true })
		}
		proctest.Until(t, "the waiter sleeps", l.Sleepers)
		l.Unlock(7)
		select {
		case <-got:
			t.Error("locked by two")
		default:
		}
		wantCount(t, l, 1)
		l.Lock(7) // does not queue behind who waits
		l.Unlock(7)
		l.Unlock(7)
		if remote {
			p.Expect("done")
			recursiveStep{"Unlock", 7, "done"}.by(t, p)
		} else {
			proctest.Result(t, got)
			if l.TryLock(7) {
				t.Error("locked by two")
			}
			l.Unlock(8)
		}
	}
	endRecursive(p)
}

// TestRecursiveContext has LockContext end by its context. (CPython's test_timeout.)
func TestRecursiveContext(t *testing.T) {
	s := shared.Named(t)
	l := newRecursiveLock(t, s.Segment, "r")
	cancelled, cancel := context.WithCancel(context.Background())
	cancel()
	for _, held := range []int{0, 1} {
		for _, test := range []struct {
			ctx  context.Context
			want error
		}{{nil, fs.ErrInvalid}, {cancelled, context.Canceled}} {
			proctest.WantError(t, "LockContext", l.LockContext(test.ctx, 7), test.want, `recursive lock "r"`, shared.Name)
			wantCount(t, l, held)
		}
		l.Lock(7)
	}
	l.Unlock(7)
	for _, other := range []*shm.RecursiveLock{l, newRecursiveLock(t, s.Another(t), "r")} {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
		defer cancel()
		proctest.WantError(t, "LockContext", other.LockContext(ctx, 8), context.DeadlineExceeded, `recursive lock "r"`)
		if other.Count(8) != 0 {
			t.Error("locked by two")
		}
	}
	wantCount(t, l, 1)
	l.Unlock(7)
}

// TestRecursiveGoroutines has goroutines with a token each take turns, and those that share
// one. The detector of a build with -race sees whether the lock orders the former.
func TestRecursiveGoroutines(t *testing.T) {
	l := newRecursiveLock(t, shared.Named(t).Segment, "r")
	const goroutines, times = 8, 300
	counter := 0 // on the heap
	var wg sync.WaitGroup
	for token := range uint32(goroutines) {
		wg.Go(func() {
			for range times {
				l.Lock(token)
				l.Lock(token)
				counter++
				l.Unlock(token)
				counter++
				l.Unlock(token)
			}
		})
	}
	for range 2 {
		wg.Go(func() {
			for range times {
				l.Lock(100)
				l.Unlock(100)
			}
		})
	}
	wg.Wait()
	if counter != 2*goroutines*times {
		t.Errorf("the counter is %d, expected %d", counter, 2*goroutines*times)
	}
}

// TestRecursiveMisuse does what a holder only may do, with a token that does not hold it.
// (CPython's test_release_unacquired.)
func TestRecursiveMisuse(t *testing.T) {
	for _, state := range []struct {
		name string
		make func(t *testing.T, s shared.Segment, l *shm.RecursiveLock)
	}{
		{"never locked", func(*testing.T, shared.Segment, *shm.RecursiveLock) {}},
		{"unlocked", func(t *testing.T, s shared.Segment, l *shm.RecursiveLock) {
			l.Lock(7)
			l.Lock(7)
			l.Unlock(7)
			l.Unlock(7)
		}},
		{"held by another token", func(t *testing.T, s shared.Segment, l *shm.RecursiveLock) { l.Lock(0) }},
		{"held through another Segment", func(t *testing.T, s shared.Segment, l *shm.RecursiveLock) {
			newRecursiveLock(t, s.Another(t), "r").Lock(7)
		}},
		{"held by another process", func(t *testing.T, s shared.Segment, l *shm.RecursiveLock) {
			p := s.Start(t, "recursive")
			recursiveStep{"Lock", 7, "done"}.by(t, p)
			t.Cleanup(func() { endRecursive(p) })
		}},
	} {
		t.Run(state.name, func(t *testing.T) {
			s := shared.Named(t)
			l := newRecursiveLock(t, s.Segment, "r")
			state.make(t, s, l)
			free := state.name == "never locked" || state.name == "unlocked"
			for name, misuse := range map[string]func(uint32){"Unlock": l.Unlock, "MarkConsistent": l.MarkConsistent} {
				p := proctest.PanicOf(func() { misuse(7) })
				proctest.WantText(t, name, p, "isthmus: ", name, `recursive lock "r"`, shared.Name, "token 7", "does not hold")
				if ok := l.TryLock(7); ok != free {
					t.Errorf("TryLock after the misuse: %v", ok)
				}
				if free {
					l.Unlock(7)
				}
			}
		})
	}
}

// TestRecursiveTooOften has a token lock more often than it can.
func TestRecursiveTooOften(t *testing.T) {
	l := newRecursiveLock(t, shared.Named(t).Segment, "r")
	l.Lock(7)
	l.SetCount(math.MaxInt32 - 1)
	l.Lock(7)
	p := proctest.PanicOf(func() { l.Lock(7) })
	proctest.WantText(t, "Lock", p, "isthmus: ", `recursive lock "r"`, "token 7", fmt.Sprint(math.MaxInt32))
	wantCount(t, l, math.MaxInt32)
	l.SetCount(1)
	l.Unlock(7)
	wantCount(t, l, 0)
}

func TestRecursiveMismatch(t *testing.T) {
	s := shared.Named(t)
	newRecursiveLock(t, s.Segment, "r")
	newLock(t, s.Segment, "l")
	proctest.WantError(t, "NewLock", lockError(s.Segment, "r"), shm.ErrMismatch, "recursive lock", "lock", shared.Name)
	_, err := shm.NewRecursiveLock(s.Segment, "l")
	proctest.WantError(t, "NewRecursiveLock", err, shm.ErrMismatch, `recursive lock "l"`)
}

// TestRecursiveClosed closes the Segment of a holder, and of those who wait.
func TestRecursiveClosed(t *testing.T) {
	proctest.Mortal(t)
	s := shared.Named(t)
	seg := s.Another(t)
	l, other := newRecursiveLock(t, seg, "r"), newRecursiveLock(t, s.Segment, "r")
	l.Lock(7)
	l.Lock(7)
	var asleep []<-chan any
	for token := range uint32(3) {
		asleep = append(asleep, proctest.Go(func() any { return proctest.PanicOf(func() { l.Lock(token) }) }),
			proctest.Go(func() any { return l.LockContext(context.Background(), token) }))
	}
	waiter := proctest.Go(func() any { return lockRecursive(other, 7) })
	proctest.Until(t, "somebody sleeps", l.Sleepers)
	start := time.Now()
	proctest.Check(t, seg.Close())
	for _, w := range asleep {
		wantClosed(t, "a waiter", proctest.Result(t, w), `recursive lock "r"`)
	}
	wantEnd(t, waiter, "owner died")
	proctest.Prompt(t, "told", start)
	for range 2 {
		for name, call := range map[string]func(){
			"Lock": func() { l.Lock(7) }, "TryLock": func() { l.TryLock(7) }, "Unlock": func() { l.Unlock(7) },
			"Count": func() { l.Count(7) }, "MarkConsistent": func() { l.MarkConsistent(7) },
			"Lock of another": func() { l.Lock(8) }, "Unlock of another": func() { l.Unlock(8) },
		} {
			wantClosed(t, name, proctest.PanicOf(call), `recursive lock "r"`)
		}
		wantClosed(t, "LockContext", l.LockContext(context.Background(), 7), `recursive lock "r"`)
	}
	_, err := shm.NewRecursiveLock(seg, "r")
	wantClosed(t, "NewRecursiveLock", err, `recursive lock "r"`)
	if other.Count(7) != 1 {
		t.Errorf("held %d times", other.Count(7))
	}
}

// TestRecursiveCloseUnderLoad closes a Segment in the middle of everything.
func TestRecursiveCloseUnderLoad(t *testing.T) {
	proctest.Mortal(t)
	s := shared.Named(t)
	for range 5 {
		seg := s.Another(t)
		l := newRecursiveLock(t, seg, "r")
		again := func(token uint32) func() {
			return func() { l.Lock(token); l.Lock(token); l.Unlock(token); l.Unlock(token) }
		}
		shared.CloseUnder(t, seg, again(1), again(1), again(2), func() {
			if l.TryLock(3) {
				l.Unlock(3)
			}
		})
	}
}
