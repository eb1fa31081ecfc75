//go:build !isthmus_nofutex

package futex_test

import (
	"context"
	"math"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/isthmus-go/isthmus/futex"
	"github.com/isthmus-go/isthmus/internal/proctest"
)

// The tests in this file count waiters in the kernel, which is exact as long as
// they sleep without interruption.

// A waiter waits once, on as many words as it is told.
var _ = proctest.Register("waiter", func(c *proctest.Child) {
	words := mapWords(c, c.Arg(0))
	ctx, cancel := contextOf(c.Arg(1))
	defer cancel()
	n, err := strconv.Atoi(c.Arg(2))
	c.Check(err)
	go func() {
		c.Expect("cancel")
		cancel()
	}()
	if n == 1 {
		err := futex.Wait(ctx, &words[0], 0)
		c.Send("woken", 0, err)
		return
	}
	var list []futex.Word
	for i := range n {
		list = append(list, futex.Word{Addr: &words[i]})
	}
	i, err := futex.WaitAny(ctx, list)
	c.Send("woken", i, err)
})

// needVector skips a test where the kernel cannot wait on several words: those who
// could be cancelled sleep in slices then, and nobody can count them.
func needVector(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(background, time.Millisecond)
	defer cancel()
	futex.WaitAny(ctx, unchanged(2))
	if _, noWaitv := futex.Refused(); noWaitv {
		t.Skip("the kernel has no futex_waitv")
	}
}

// asleep starts waiters in processes of their own and returns when all sleep.
func asleep(t *testing.T, path, kind string, words, n int) []*proctest.Proc {
	t.Helper()
	if kind == "cancellable" {
		needVector(t)
	}
	shared := mapWords(t, path)
	before := sleepers(t, shared, 0)
	var procs []*proctest.Proc
	for range n {
		procs = append(procs, proctest.Start(t, "waiter", path, kind, strconv.Itoa(words)))
	}
	proctest.Until(t, "all sleep", func() bool {
		for i := range words {
			if sleepers(t, shared, i) != before+n {
				return false
			}
		}
		return true
	})
	return procs
}

func wantWake(t *testing.T, addr *uint32, n, want int) {
	t.Helper()
	if got := futex.Wake(addr, n); got != want {
		t.Errorf("Wake(%d) = %d, expected %d", n, got, want)
	}
}

func TestWakeCounts(t *testing.T) {
	for _, kind := range contextKinds {
		t.Run(kind, func(t *testing.T) {
			path := sharedFile(t)
			words := mapWords(t, path)
			wantWake(t, &words[0], 1, 0)
			procs := asleep(t, path, kind, 1, 6)
			for _, step := range []struct{ n, woken, left int }{
				{0, 0, 6}, {-1, 0, 6}, {2, 2, 4}, {1, 1, 3}, {math.MaxInt, 3, 0}, {1, 0, 0},
			} {
				wantWake(t, &words[0], step.n, step.woken)
				if got := sleepers(t, words, 0); got != step.left {
					t.Errorf("after Wake(%d) there are %d waiters, expected %d", step.n, got, step.left)
				}
			}
			for _, p := range procs {
				p.Expect("woken", 0, nil)
				p.Wait()
			}
		})
	}
}

func TestWakeFindsItsWord(t *testing.T) {
	needVector(t)
	const n = 4
	for _, kind := range contextKinds {
		t.Run(kind, func(t *testing.T) {
			path := sharedFile(t)
			words := mapWords(t, path)
			for i := range n {
				p := asleep(t, path, kind, n, 1)[0]
				wantWake(t, &words[n], 1, 0)
				wantWake(t, &words[i], 2, 1)
				p.Expect("woken", i, nil)
				p.Wait()
			}
		})
	}
}

func TestKilledWaiterTakesNoWake(t *testing.T) {
	for _, kind := range contextKinds {
		t.Run(kind, func(t *testing.T) {
			path := sharedFile(t)
			words := mapWords(t, path)
			dies := asleep(t, path, kind, 1, 1)[0]
			lives := asleep(t, path, kind, 1, 1)[0]
			dies.Kill()
			wantWake(t, &words[0], 1, 1)
			lives.Expect("woken", 0, nil)
			lives.Wait()
		})
	}
}

func TestCancelWakesNobodyElse(t *testing.T) {
	path := sharedFile(t)
	words := mapWords(t, path)
	first := asleep(t, path, "cancellable", 1, 1)[0]
	cancelled := asleep(t, path, "cancellable", 1, 1)[0]
	last := asleep(t, path, "background", 1, 1)[0]
	cancelled.Send("cancel")
	cancelled.Expect("woken", 0, context.Canceled)
	cancelled.Wait()
	if got := sleepers(t, words, 0); got != 2 {
		t.Errorf("%d waiters are left, expected 2", got)
	}
	wantWake(t, &words[0], 3, 2)
	for _, p := range []*proctest.Proc{first, last} {
		p.Expect("woken", 0, nil)
		p.Wait()
	}
}

// TestCancelSwallowsNoWake cancels a waiter while it is woken. If its wait fails
// nevertheless, the wake must have gone to the other waiter.
func TestCancelSwallowsNoWake(t *testing.T) {
	needVector(t)
	words := mapWords(t, sharedFile(t))
	addr := &words[0]
	var woken, cancelled int
	lead := 100 // how long the wake waits for the cancellation, such that either may win
	for range 200 {
		ctx, cancel := context.WithCancel(background)
		one := proctest.Go(func() error { return futex.Wait(ctx, addr, 0) })
		proctest.Until(t, "the first sleeps", func() bool { return sleepers(t, words, 0) == 1 })
		two := proctest.Go(func() error { return futex.Wait(background, addr, 0) })
		proctest.Until(t, "both sleep", func() bool { return sleepers(t, words, 0) == 2 })

		go cancel()
		for range lead {
			atomic.LoadUint32(addr)
		}
		wantWake(t, addr, 1, 1)
		switch err := proctest.Result(t, one); err {
		case nil:
			woken++
			lead += lead/4 + 1
			wantWake(t, addr, 1, 1)
		case context.Canceled:
			cancelled++
			lead -= lead / 4
		default:
			t.Fatal(err)
		}
		if err := proctest.Result(t, two); err != nil {
			t.Fatal(err)
		}
		cancel()
	}
	t.Logf("woken first %d times, cancelled first %d times", woken, cancelled)
}
