package shm_test

import (
	"context"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/internal/proctest/shared"
	"github.com/isthmus-go/isthmus/shm"
)

// These are the properties that package sync tests of its RWMutex.

// withProcs runs a part of a test with another GOMAXPROCS.
func withProcs(n int, f func()) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(n))
	f()
}

// TestRWReadersTogether has readers hold the lock all at the same time: goroutines of one
// process, and processes.
func TestRWReadersTogether(t *testing.T) {
	s := shared.Named(t)
	l := newRWLock(t, s.Segment, "rw")
	for _, test := range []struct{ readers, procs int }{{1, 4}, {3, 4}, {4, 2}, {100, 1}} {
		withProcs(test.procs, func() {
			var here, gone sync.WaitGroup
			leave := make(chan bool)
			for range test.readers {
				here.Add(1)
				gone.Go(func() {
					l.RLock()
					here.Done()
					<-leave
					l.RUnlock()
				})
			}
			here.Wait()
			close(leave)
			gone.Wait()
		})
	}
	readers := s.StartAll(t, 5, "rwlock")
	for _, method := range []string{"RLock", "RUnlock"} {
		for _, p := range readers {
			call(p, method, "done")
		}
	}
	for _, p := range readers {
		end(p)
	}
	if !l.TryLock() {
		t.Error("TryLock failed after all have left")
	}
	l.Unlock()
}

const aWriter = 10_000 // in a count of those inside

// crowdRW has readers and writers of one process use the lock, and counts those inside by
// add. They report what they find wrong.
func crowdRW(l *shm.RWLock, readers, writers, times int, add func(int64) int64, wrong func(n int64)) {
	var wg sync.WaitGroup
	ways := []func(){l.RLock, l.RLocker().Lock, func() {
		if err := l.RLockContext(context.Background()); err != nil {
			panic(err)
		}
	}, func() {
		if !l.TryRLock() {
			l.RLock()
		}
	}}
	for i := range readers {
		wg.Go(func() {
			for range times {
				ways[i%len(ways)]()
				if n := add(1); n < 1 || n >= aWriter {
					wrong(n)
				}
				for range 100 {
				}
				add(-1)
				l.RUnlock()
			}
		})
	}
	for i := range writers {
		wg.Go(func() {
			for range times {
				if i%2 == 0 || !l.TryLock() {
					l.Lock()
				}
				if n := add(aWriter); n != aWriter {
					wrong(n)
				}
				for range 100 {
				}
				add(-aWriter)
				l.Unlock()
			}
		})
	}
	wg.Wait()
}

// TestRWCrowd has readers and writers of one process find nobody inside who must not be.
func TestRWCrowd(t *testing.T) {
	times := proctest.Scaled(300)
	for _, test := range []struct{ procs, readers int }{
		{1, 1}, {1, 3}, {1, 10}, {4, 1}, {4, 3}, {4, 10}, {10, 1}, {10, 5}, {10, 10},
	} {
		l := newRWLock(t, shared.Named(t).Segment, "rw")
		withProcs(test.procs, func() {
			var inside atomic.Int64
			crowdRW(l, test.readers, 2, times, inside.Add, func(n int64) { t.Errorf("found %d inside", n) })
		})
	}
}

var _ = proctest.Register("rw crowd", func(c *proctest.Child) {
	seg := shared.Open(c)
	times, err := strconv.Atoi(c.Arg(0))
	c.Check(err)
	l := newRWLock(c, seg, "rw")
	inside := shared.Value[int64](c, seg, "inside")
	c.Send("ready")
	c.Expect("go")
	crowdRW(l, 4, 2, times, func(n int64) int64 { return shm.Add(inside, n) }, func(n int64) {
		c.Fatalf("found %d inside", n)
	})
	c.Check(seg.Close())
})

// TestRWCrowds has readers and writers of four processes.
func TestRWCrowds(t *testing.T) {
	s := shared.Named(t)
	procs := s.StartAll(t, 4, "rw crowd", strconv.Itoa(proctest.Scaled(300)))
	proctest.Together(procs)
	if n := shared.Value[int64](t, s.Segment, "inside").Load(); n != 0 {
		t.Errorf("%d are inside at the end", n)
	}
}

// TestRLocker has a writer come only when both locks of an RLocker are undone, and the
// reader only after the writer.
func TestRLocker(t *testing.T) {
	s := shared.Named(t)
	w := newRWLock(t, s.Segment, "rw")
	r := newRWLock(t, s.Another(t), "rw").RLocker()
	locked, readLocked := make(chan bool, 1), make(chan bool, 1)
	const rounds = 10
	go func() {
		for range rounds {
			r.Lock()
			r.Lock()
			readLocked <- true
			w.Lock()
			locked <- true
		}
	}()
	for range rounds {
		proctest.Result(t, readLocked)
		r.Unlock()
		select {
		case <-locked:
			t.Fatal("a writer got in beside a reader")
		default:
		}
		r.Unlock()
		proctest.Result(t, locked)
		select {
		case <-readLocked:
			t.Fatal("a reader got in beside a writer")
		default:
		}
		w.Unlock()
	}
}

// TestRWGoroutines has goroutines of one process count under the lock. The detector of a
// build with -race sees whether it orders them.
func TestRWGoroutines(t *testing.T) {
	l := newRWLock(t, shared.Named(t).Segment, "rw")
	const goroutines, times = 8, 300
	counter := 0 // on the heap
	var wg sync.WaitGroup
	for i := range goroutines {
		wg.Go(func() {
			for j := range times {
				if i%2 == 0 {
					l.Lock()
					counter++
					l.Unlock()
					continue
				}
				ctx, cancel := context.WithCancel(context.Background())
				if err := l.RLockContext(ctx); err != nil {
					t.Error(err)
				}
				if counter < 0 {
					t.Error(counter)
				}
				l.RUnlock()
				if j%2 == 0 {
					if err := l.LockContext(ctx); err != nil {
						t.Error(err)
					}
					counter++
					l.Unlock()
				}
				cancel()
			}
		})
	}
	wg.Wait()
	if want := goroutines/2*times + goroutines/2*times/2; counter != want {
		t.Errorf("the counter is %d, expected %d", counter, want)
	}
}
