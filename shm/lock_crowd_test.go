package shm_test

import (
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/internal/proctest/shared"
)

const (
	crowdProcs      = 32
	crowdGoroutines = 8
)

// The processes of a crowd start together, and add to one value under one lock.
var _ = proctest.Register("crowd", func(c *proctest.Child) {
	seg := shared.Open(c)
	defer seg.Close()
	times, err := strconv.Atoi(c.Arg(0))
	c.Check(err)
	mu := newLock(c, seg, "mu")
	total := shared.Value[int64](c, seg, "total")
	c.Send("ready")
	c.Expect("go")
	var wg sync.WaitGroup
	for range crowdGoroutines {
		wg.Go(func() {
			for range times {
				mu.Lock()
				x := total.Load()
				for start := time.Now(); time.Since(start) < 10*time.Microsecond; {
					// Others come in vain meanwhile.
				}
				total.Store(x + 1)
				mu.Unlock()
			}
		})
	}
	wg.Wait()
})

// TestCrowd has 32 processes of 8 goroutines on one lock.
func TestCrowd(t *testing.T) {
	times := proctest.Scaled(100)
	s := shared.Named(t)
	procs := s.StartAll(t, crowdProcs, "crowd", strconv.Itoa(times))
	proctest.Together(procs)
	want := int64(crowdProcs * crowdGoroutines * times)
	if total := shared.Value[int64](t, s.Segment, "total").Load(); total != want {
		t.Errorf("the total is %d, expected %d", total, want)
	}
}
