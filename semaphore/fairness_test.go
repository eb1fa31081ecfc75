package semaphore_test

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/internal/proctest/shared"
	"github.com/isthmus-go/isthmus/shm"
)

// A grabber takes one permit again and again, and keeps it until somebody else has
// taken one, if somebody does: by chance, they are never all free.
var _ = proctest.Register("grabber", func(c *proctest.Child) {
	seg := shared.Open(c)
	sem := newSemaphore(c, seg, 4, nil)
	taken, stop := shared.Value[int64](c, seg, "taken"), shared.Value[bool](c, seg, "stop")
	c.Send("ready")
	for !stop.Load() {
		c.Check(sem.Acquire(context.Background(), 1))
		n := shm.Add(taken, 1)
		for start := time.Now(); taken.Load() == n && time.Since(start) < 5*time.Millisecond; {
			runtime.Gosched()
		}
		sem.Release(1)
	}
	c.Check(seg.Close())
})

// TestLargeRequest asks for all permits while other processes never cease to take
// single ones.
func TestLargeRequest(t *testing.T) {
	s := shared.Named(t)
	sem := newSemaphore(t, s.Segment, 4, nil)
	procs := s.StartAll(t, 3, "grabber")
	for _, p := range procs {
		p.Expect("ready")
	}
	for range 5 {
		start := time.Now()
		acquired := proctest.Go(func() error { return sem.Acquire(context.Background(), 4) })
		if err := proctest.Result(t, acquired); err != nil {
			t.Fatal(err)
		}
		proctest.Prompt(t, "all acquired", start)
		sem.Release(4)
	}
	shared.Value[bool](t, s.Segment, "stop").Store(true)
	for _, p := range procs {
		p.Wait()
	}
	whole(t, sem)
}

// TestOvertaken has a goroutine wait for more permits than are free. Others of its
// process that come later, and would find enough, do not overtake it: not even before it
// is urgent, and keeps everybody out.
func TestOvertaken(t *testing.T) {
	sem := newSemaphore(t, shared.Named(t).Segment, 2, nil)
	waiting, stop := context.WithCancel(context.Background())
	defer stop()
	for name, acquire := range map[string]func() bool{
		"TryAcquire":          func() bool { return sem.TryAcquire(1) },
		"Acquire":             func() bool { return sem.Acquire(context.Background(), 1) == nil },
		"Acquire, cancelable": func() bool { return sem.Acquire(waiting, 1) == nil },
	} {
		for range proctest.Scaled(50) {
			for sem.Sleepers() { // not any more
				proctest.Check(t, sem.Acquire(context.Background(), 1))
				sem.Release(1)
			}
			proctest.Check(t, sem.Acquire(context.Background(), 1))
			var served, comes atomic.Bool
			first := proctest.Go(func() error {
				err := sem.Acquire(context.Background(), 2)
				served.Store(true)
				sem.Release(2)
				return err
			})
			second := proctest.Go(func() (early bool) {
				proctest.Until(t, "one sleeps, or is about to", sem.Sleepers)
				comes.Store(true)
				if !acquire() {
					return false
				}
				defer sem.Release(1)
				return !served.Load()
			})
			proctest.Until(t, "another comes", comes.Load)
			for range 100 {
				runtime.Gosched()
			}
			sem.Release(1)
			proctest.Check(t, proctest.Result(t, first))
			if proctest.Result(t, second) {
				t.Errorf("%s overtakes one who waits", name)
				break
			}
		}
	}
}

// TestWaiterPaused suspends a process that is to be served first: the others wait
// for it, but not for long.
func TestWaiterPaused(t *testing.T) {
	proctest.Mortal(t)
	s := shared.Named(t)
	sem := newSemaphore(t, s.Segment, 4, nil)
	if !sem.TryAcquire(1) {
		t.Fatal("TryAcquire failed")
	}
	paused, other := s.Start(t, "semaphore", "4"), s.Start(t, "semaphore", "4")
	paused.Send("Acquire 4")
	proctest.Until(t, "the waiter is urgent", sem.Urgent)
	paused.Stop()
	for range 3 {
		start := time.Now()
		call(other, "Acquire", 1, "done")
		proctest.Prompt(t, "acquired", start)
		call(other, "Release", 1, "done")
	}
	start := time.Now()
	proctest.Until(t, "TryAcquire succeeds", func() bool { return sem.TryAcquire(2) })
	proctest.Prompt(t, "acquired by trying", start)
	sem.Release(3)
	paused.Continue()
	paused.Expect("done")
	call(paused, "Release", 4, "done")
	whole(t, sem)
	end(paused)
	end(other)
}

// TestHolderPaused suspends a process that holds permits: it keeps them.
func TestHolderPaused(t *testing.T) {
	proctest.Mortal(t)
	s := shared.Named(t)
	sem := newSemaphore(t, s.Segment, 2, nil)
	p := s.Start(t, "semaphore", "2")
	call(p, "Acquire", 2, "done")
	p.Stop()
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	wantBare(t, sem.Acquire(ctx, 1), context.DeadlineExceeded)
	p.Continue()
	call(p, "Release", 2, "done")
	whole(t, sem)
	end(p)
}

// Takers take one of four permits, each in a goroutine of its own, keep it for 2 ms,
// and begin again at once.
var _ = proctest.Register("takers", func(c *proctest.Child) {
	seg := shared.Open(c)
	ended := take(c, seg, c.Arg(0) == "poll")
	c.Send("ready")
	ended()
	c.Check(seg.Close())
})

// take starts four takers. Each of them counts in the value "taken", and ends when
// "stop" is set.
func take(t proctest.Fataler, seg *shm.Segment, poll bool) (ended func()) {
	sem := newSemaphore(t, seg, 4, nil)
	taken, stop := shared.Value[int64](t, seg, "taken"), shared.Value[bool](t, seg, "stop")
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for !stop.Load() {
				if poll && !sem.TryAcquire(1) {
					runtime.Gosched()
					continue
				}
				if !poll {
					proctest.Check(t, sem.Acquire(context.Background(), 1))
				}
				shm.Add(taken, 1)
				time.Sleep(2 * time.Millisecond)
				sem.Release(1)
			}
		})
	}
	return wg.Wait
}

// starved is how many permits the takers do not take while somebody waits, unless
// it starves: they take less than ten, on a busy machine more.
const starved = 1000

// TestTakers has one goroutine ask for all permits, and another process for one,
// while others never cease to take single ones.
func TestTakers(t *testing.T) {
	for _, test := range []struct {
		name        string
		here, procs int
		how         string
	}{
		{name: "goroutines", here: 1},
		{name: "processes", procs: 2},
		{name: "both", here: 1, procs: 1},
		{name: "pollers", procs: 1, how: "poll"},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := shared.Named(t)
			sem, other := newSemaphore(t, s.Segment, 4, nil), s.Start(t, "semaphore", "4")
			call(other, "Acquire", 1, "done") // it has started
			call(other, "Release", 1, "done")
			taken := shared.Value[int64](t, s.Segment, "taken")
			var takers []func()
			for range test.here {
				takers = append(takers, take(t, s.Segment, false))
			}
			for _, p := range s.StartAll(t, test.procs, "takers", test.how) {
				p.Expect("ready")
				takers = append(takers, p.Wait)
			}
			proctest.Until(t, "permits are taken", func() bool { return taken.Load() > 8 })
			served := func(who string, before int64) {
				n := taken.Load() - before
				t.Logf("%s was served after %d permits", who, n)
				if n > starved {
					t.Errorf("%s was served after %d permits", who, n)
				}
			}
			for range 3 {
				before := taken.Load()
				large := proctest.Go(func() error {
					err := sem.Acquire(context.Background(), 4)
					served("the large request", before)
					sem.Release(4)
					return err
				})
				call(other, "Acquire", 1, "done")
				served("the other", before)
				call(other, "Release", 1, "done")
				proctest.Check(t, proctest.Result(t, large))
			}
			shared.Value[bool](t, s.Segment, "stop").Store(true)
			for _, ended := range takers {
				ended()
			}
			end(other)
		})
	}
}
