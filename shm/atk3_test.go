package shm_test

import (
	"context"
	"errors"
	"math"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/isthmus-go/isthmus/internal/proctest/shared"
	"github.com/isthmus-go/isthmus/shm"
)

// Abort while phases end: the barrier must be broken when it returns.
func TestAtkAbortLost(t *testing.T) {
	s := shared.Named(t)
	b, err := shm.NewBarrier(s.Segment, "b", 1)
	if err != nil {
		t.Fatal(err)
	}
	end := time.Now().Add(3 * time.Second)
	lost, n := 0, 0
	for time.Now().Before(end) {
		var stop atomic.Bool
		var wg sync.WaitGroup
		wg.Go(func() {
			for !stop.Load() {
				if _, err := b.Wait(context.Background()); err != nil {
					return
				}
			}
		})
		from := b.Phase()
		for b.Phase()-from < 20 {
		}
		b.Abort()
		n++
		if !b.Broken() {
			lost++
		}
		stop.Store(true)
		wg.Wait()
		b.Reset()
	}
	if lost > 0 {
		t.Errorf("%d of %d Aborts were lost", lost, n)
	}
}

// The leader of a phase is told so, even if the next phase is broken at once.
func TestAtkLeaderLost(t *testing.T) {
	s := shared.Named(t)
	b, err := shm.NewBarrier(s.Segment, "b", 2)
	if err != nil {
		t.Fatal(err)
	}
	end := time.Now().Add(3 * time.Second)
	bad, n := 0, 0
	for time.Now().Before(end) {
		var leaders, done, broken atomic.Int32
		var wg sync.WaitGroup
		for range 2 {
			wg.Go(func() {
				leader, err := b.Wait(context.Background())
				switch {
				case errors.Is(err, shm.ErrBroken):
					broken.Add(1)
				case leader:
					leaders.Add(1)
				default:
					done.Add(1)
				}
				b.Abort() // it is done with the barrier
			})
		}
		wg.Wait()
		n++
		if done.Load() > 0 && leaders.Load() == 0 {
			bad++
		}
		b.Reset()
	}
	if bad > 0 {
		t.Errorf("%d of %d phases have ended without a leader, and nobody died", bad, n)
	}
}

// A line that is 2^32 phases old.
func TestAtkStaleLine(t *testing.T) {
	s := shared.Named(t)
	b, x, y := newBarrier(t, s.Segment, 2), newBarrier(t, s.Another(t), 2), newBarrier(t, s.Another(t), 2)
	w := barrierWaits(x)
	t.Log(barrierEnd(b), <-w) // phase 0: x has come, and never comes again
	b.SetPhase(math.MaxUint32, math.MaxUint32-1<<30)
	w = barrierWaits(y)
	t.Log(barrierEnd(b), <-w)
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	leader, err := b.Wait(ctx)
	if err == nil {
		t.Errorf("one of two parties has come, and the phase has ended: leader %v", leader)
	}
}

// A waiter of phase p that looks 2^30+1 phases later.
func TestAtkLateWrap(t *testing.T) {
	s := shared.Named(t)
	b := newBarrier(t, s.Segment, 2)
	w := barrierWaits(b)
	untilWaiting(t, b, 1)
	b.SetPhase(1<<30+1, 1) // following, if nothing ever broke
	if got := <-w; got != "done" {
		t.Errorf("its phase has ended, nothing ever broke: %v", got)
	}
}

// Goroutines that share a token do not exclude each other.
func TestAtkSharedToken(t *testing.T) {
	s := shared.Named(t)
	l, other := newRecursiveLock(t, s.Segment, "r"), newRecursiveLock(t, s.Another(t), "r")
	other.Lock(1)
	in := make(chan bool, 2)
	leave := make(chan bool)
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			l.Lock(7)
			in <- true
			<-leave
			l.Unlock(7)
		})
	}
	time.Sleep(100 * time.Millisecond)
	other.Unlock(1)
	for i := range 2 {
		select {
		case <-in:
		case <-time.After(2 * time.Second):
			t.Errorf("only %d of two goroutines with the same token hold it; Count %d, TryLock %v", i, l.Count(7), l.TryLock(7))
			l.Unlock(7)
		}
	}
	close(leave)
	wg.Wait()
}

// The same when nobody holds it.
func TestAtkSharedTokenFree(t *testing.T) {
	s := shared.Named(t)
	l := newRecursiveLock(t, s.Segment, "r")
	stuck := 0
	n := 0
	for end := time.Now().Add(3 * time.Second); time.Now().Before(end) && stuck < 3; n++ {
		in := make(chan bool, 2)
		leave := make(chan bool)
		var wg sync.WaitGroup
		for range 2 {
			wg.Go(func() {
				l.Lock(7)
				in <- true
				<-leave
				l.Unlock(7)
			})
		}
		for range 2 {
			select {
			case <-in:
			case <-time.After(300 * time.Millisecond):
				stuck++
			}
		}
		close(leave)
		wg.Wait()
	}
	if stuck > 0 {
		t.Errorf("stuck %d times in %d", stuck, n)
	}
}

// Two goroutines of one holder repair.
func TestAtkMarkConsistent(t *testing.T) {
	s := shared.Named(t)
	l := newRecursiveLock(t, s.Segment, "r")
	bad, n := 0, 0
	for end := time.Now().Add(3 * time.Second); time.Now().Before(end); n++ {
		seg := shared.Open(t)
		o := newRecursiveLock(t, seg, "r")
		o.Lock(1)
		seg.Close()
		if err := l.LockContext(context.Background(), 7); !errors.Is(err, shm.ErrOwnerDied) {
			t.Fatal(err)
		}
		var start sync.WaitGroup
		start.Add(2)
		var panics atomic.Int32
		var wg sync.WaitGroup
		for range 2 {
			wg.Go(func() {
				defer func() {
					if recover() != nil {
						panics.Add(1)
					}
				}()
				start.Done()
				start.Wait()
				l.MarkConsistent(7)
			})
		}
		wg.Wait()
		bad += int(panics.Load())
		l.Unlock(7)
	}
	t.Logf("%d panics in %d", bad, n)
	if bad > 0 {
		t.Errorf("%d of %d: a holder was told that it is none", bad, n)
	}
}
