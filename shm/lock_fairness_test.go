package shm_test

import (
	"runtime"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/internal/proctest/shared"
	"github.com/isthmus-go/isthmus/shm"
)

// Relockers lock a lock, each in a goroutine of its own, keep it for 50 µs,
// and lock it again at once.
var _ = proctest.Register("relockers", func(c *proctest.Child) {
	seg := shared.Open(c)
	n, err := strconv.Atoi(c.Arg(0))
	c.Check(err)
	ended := relock(c, seg, n, c.Arg(1) == "poll")
	c.Send("ready")
	ended()
	c.Check(seg.Close())
})

// relock starts n relockers. Each of them counts in the value "locked", and ends
// when "stop" is set.
func relock(t proctest.Fataler, seg *shm.Segment, n int, poll bool) (ended func()) {
	mu := newLock(t, seg, "mu")
	locked, stop := shared.Value[int64](t, seg, "locked"), shared.Value[bool](t, seg, "stop")
	var wg sync.WaitGroup
	for range n {
		wg.Go(func() {
			for !stop.Load() {
				if poll && !mu.TryLock() {
					runtime.Gosched()
					continue
				}
				if !poll {
					mu.Lock()
				}
				locked.Store(locked.Load() + 1)
				hold()
				mu.Unlock()
			}
		})
	}
	return wg.Wait
}

func hold() {
	for start := time.Now(); time.Since(start) < 50*time.Microsecond; {
	}
}

// starved is how often the relockers do not lock the lock while somebody waits,
// unless it starves: they do some 30 times, and a few hundred times where all are on one CPU.
const starved = 20_000

// TestRelockers has one goroutine, and another process, lock a lock that others
// lock again as soon as they have unlocked it.
func TestRelockers(t *testing.T) {
	for _, test := range []struct {
		name        string
		here, procs int
		goroutines  int
		how         string
		cpus        []int
		maxProcs    int // GOMAXPROCS, 0 if as it is
	}{
		{name: "goroutine", here: 1, goroutines: 1},
		{name: "goroutine on the same CPU", here: 1, goroutines: 1, maxProcs: 1},
		{name: "process", procs: 1, goroutines: 1},
		{name: "processes of goroutines", procs: 2, goroutines: 8},
		{name: "process on the same CPU", procs: 1, goroutines: 1, cpus: []int{0}},
		{name: "poller", procs: 1, goroutines: 1, how: "poll"},
	} {
		t.Run(test.name, func(t *testing.T) {
			defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(test.maxProcs))
			s := shared.Named(t)
			opts := &proctest.Options{CPUs: test.cpus}
			mu, other := newLock(t, s.Segment, "mu"), proctest.StartWith(t, opts, "lock")
			locked := shared.Value[int64](t, s.Segment, "locked")
			var relockers []func()
			for range test.here {
				relockers = append(relockers, relock(t, s.Segment, test.goroutines, false))
			}
			for range test.procs {
				p := proctest.StartWith(t, opts, "relockers", strconv.Itoa(test.goroutines), test.how)
				p.Expect("ready")
				relockers = append(relockers, p.Wait)
			}
			proctest.Until(t, "the lock is locked", func() bool { return locked.Load() > 0 })
			served := func(who string, before int64) {
				n := locked.Load() - before
				t.Logf("%s had it after %d others", who, n)
				if n > starved {
					t.Errorf("%s had it after %d others", who, n)
				}
			}
			call(other, "Lock", "done") // it has started
			call(other, "Unlock", "done")
			for range 10 {
				before := locked.Load()
				mu.Lock()
				served("a goroutine", before)
				mu.Unlock()
				before = locked.Load()
				call(other, "Lock", "done")
				served("another process", before)
				call(other, "Unlock", "done")
			}
			shared.Value[bool](t, s.Segment, "stop").Store(true)
			for _, ended := range relockers {
				ended()
			}
			end(other)
		})
	}
}

// TestWaitersGone stops, or kills, those who wait for a lock and are to have it
// first: the others go on.
func TestWaitersGone(t *testing.T) {
	proctest.Mortal(t)
	for _, kill := range []bool{false, true} {
		s := shared.Named(t)
		mu, other := newLock(t, s.Segment, "mu"), s.Start(t, "lock")
		mu.Lock()
		waiters := s.StartAll(t, 4, "lock")
		for _, p := range waiters {
			p.Send("Lock")
		}
		proctest.Until(t, "one is hungry", mu.Urgent)
		for _, p := range waiters {
			if kill {
				p.Kill()
			} else {
				p.Stop()
			}
		}
		start := time.Now()
		mu.Unlock()
		for range 100 {
			call(other, "Lock", "done")
			call(other, "Unlock", "done")
		}
		proctest.Prompt(t, "locked 100 times", start)
		end(other)
		for _, p := range waiters {
			p.Kill()
		}
	}
}
