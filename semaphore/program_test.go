package semaphore_test

import (
	"context"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/internal/proctest/shared"
	"github.com/isthmus-go/isthmus/shm"
)

// A worker counts who is inside with it. Once, it stays until there are as many
// as there may be.
var _ = proctest.Register("worker", func(c *proctest.Child) {
	seg := shared.Open(c)
	defer seg.Close()
	const permits = 2
	sem := newSemaphore(c, seg, permits, nil)
	inside, most := shared.Value[int64](c, seg, "inside"), shared.Value[int64](c, seg, "most")
	for range 300 {
		c.Check(sem.Acquire(context.Background(), 1))
		n := shm.Add(inside, 1)
		if n > permits {
			c.Fatalf("%d are inside", n)
		}
		most.Update(func(m int64) int64 { return max(m, n) })
		for most.Load() < permits {
		}
		shm.Add(inside, -1)
		sem.Release(1)
	}
})

// TestWorkers has six processes share two permits.
func TestWorkers(t *testing.T) {
	shared.Each(t, func(t *testing.T, s shared.Segment) {
		for _, p := range s.StartAll(t, 6, "worker") {
			p.Wait()
		}
		if most := shared.Value[int64](t, s.Segment, "most").Load(); most != 2 {
			t.Errorf("there were up to %d inside, expected 2", most)
		}
		if free := newSemaphore(t, s.Segment, 2, nil).Value(); free != 2 {
			t.Errorf("%d permits are free in the end, expected 2", free)
		}
	})
}

const (
	crowdProcs      = 32
	crowdGoroutines = 8
	crowdPermits    = 5
)

var _ = proctest.Register("crowd", func(c *proctest.Child) {
	seg := shared.Open(c)
	defer seg.Close()
	times, err := strconv.Atoi(c.Arg(0))
	c.Check(err)
	sem := newSemaphore(c, seg, crowdPermits, nil)
	inside, total := shared.Value[int64](c, seg, "inside"), shared.Value[int64](c, seg, "total")
	c.Send("ready")
	c.Expect("go")
	var wg sync.WaitGroup
	for g := range crowdGoroutines {
		wg.Go(func() {
			n := int64(1 + g%3)
			for range times {
				c.Check(sem.Acquire(context.Background(), n))
				if x := shm.Add(inside, n); x > crowdPermits {
					c.Fatalf("%d permits are out", x)
				}
				shm.Add(total, n)
				work()
				shm.Add(inside, -n)
				sem.Release(n)
			}
		})
	}
	wg.Wait()
})

// work takes long enough for others to come in vain meanwhile.
func work() {
	for start := time.Now(); time.Since(start) < 20*time.Microsecond; {
	}
}

// TestCrowd has 32 processes of 8 goroutines on one semaphore, for one, two or
// three permits at a time.
func TestCrowd(t *testing.T) {
	const times = 60
	s := shared.Named(t)
	procs := s.StartAll(t, crowdProcs, "crowd", strconv.Itoa(times))
	proctest.Together(procs)
	const want = crowdProcs * times * (1 + 2 + 3 + 1 + 2 + 3 + 1 + 2)
	if total := shared.Value[int64](t, s.Segment, "total").Load(); total != want {
		t.Errorf("the total is %d, expected %d", total, want)
	}
	if free := newSemaphore(t, s.Segment, crowdPermits, nil).Value(); free != crowdPermits {
		t.Errorf("%d permits are free in the end, expected %d", free, crowdPermits)
	}
}
