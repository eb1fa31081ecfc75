package shm_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/internal/proctest/shared"
	"github.com/isthmus-go/isthmus/shm"
)

// A long dead waiter gets a signal, while those alive sleep in a hub with many others.
func TestCondSignalToTheDead(t *testing.T) {
	proctest.Mortal(t)
	s := shared.NamedWith(t, &shm.Options{MaxProcs: 4})
	c, p := newCond(t, s.Segment), startCond(t, s)
	ctx, cancel := context.WithCancel(t.Context())
	var others sync.WaitGroup
	mu := newLock(t, s.Segment, "other")
	for i := range 120 {
		o := proctest.Must(shm.NewCond(s.Segment, fmt.Sprint("o", i), mu))(t)
		others.Go(func() { mu.Lock(); defer mu.Unlock(); _ = o.WaitContext(ctx) })
		proctest.Until(t, "it sleeps", o.Awaited)
	}
	defer others.Wait()
	defer cancel()
	for range 40 {
		p.begins(t, c, "Wait")
	}
	p.Kill()
	w := condWaits(c)
	proctest.Until(t, "it waits", func() bool { return c.Waiting() == 41 })
	time.Sleep(400 * time.Millisecond) // the aftershock is over
	for range 3 {
		start := time.Now()
		c.Signal()
		got := <-w
		t.Logf("%v after %v", got, time.Since(start))
		if d := time.Since(start); d > 100*time.Millisecond {
			t.Errorf("%v after %v", got, d)
		}
		n := c.Waiting()
		w = condWaits(c)
		proctest.Until(t, "it waits", func() bool { return c.Waiting() == n+1 })
		time.Sleep(300 * time.Millisecond)
	}
	c.Broadcast()
	<-w
}

var _ = proctest.Register("condcrowd", func(c *proctest.Child) {
	seg := shared.Open(c)
	cond := newCond(c, seg)
	for range 3000 {
		go func() { cond.L.Lock(); cond.Wait(); cond.L.Unlock() }()
	}
	proctest.Until(c, "they wait", func() bool { return cond.Joins() == 3000 })
	c.Send("wait")
	c.Recv()
})

// A process with many waiters dies. One Broadcast wakes the living, who wait again.
func TestCondStorm(t *testing.T) {
	proctest.Mortal(t)
	s := shared.Named(t)
	conds := []*shm.Cond{newCond(t, s.Segment)}
	for range 15 {
		conds = append(conds, newCond(t, s.Another(t)))
	}
	c := conds[0]
	p := s.Start(t, "condcrowd")
	p.Expect("wait")
	p.Stop()
	c.Broadcast() // as long as p lives
	const each = 4
	var wakes [16 * each]atomic.Int64
	var slowest atomic.Int64
	var over atomic.Bool
	var ends sync.WaitGroup
	before := c.Joins()
	var start time.Time
	for i := range wakes {
		c := conds[i/each]
		ends.Go(func() {
			c.L.Lock()
			defer c.L.Unlock()
			for !over.Load() {
				c.Wait()
				wakes[i].Add(1)
			}
		})
	}
	proctest.Until(t, "all wait", func() bool { return c.Joins() == before+uint64(len(wakes)) })
	time.Sleep(100 * time.Millisecond)
	start = time.Now()
	p.Kill()
	time.Sleep(2 * time.Second)
	_, _ = slowest.Load(), start
	sum, most := int64(0), int64(0)
	for i := range wakes {
		sum += wakes[i].Load()
		most = max(most, wakes[i].Load())
	}
	t.Logf("%d were woken %d times, one %d times, by one Broadcast and one death", len(wakes), sum, most)
	if most > 1 {
		t.Errorf("%d wakes of one", most)
	}
	over.Store(true)
	proctest.Until(t, "they end", func() bool {
		c.Broadcast()
		return c.Waiting() == 0
	})
	ends.Wait()
}

// Many have a grant each and are cancelled at once.
func TestCondCancelCrowd(t *testing.T) {
	s := shared.Named(t)
	c := newCond(t, s.Segment)
	for _, n := range []int{5000, 10000, 3000} {
		ctx, cancel := context.WithCancel(t.Context())
		var ends sync.WaitGroup
		before := c.Joins()
		for range n {
			ends.Go(func() { c.L.Lock(); defer c.L.Unlock(); _ = c.WaitContext(ctx) })
		}
		proctest.Until(t, "they wait", func() bool { return c.Joins() == before+uint64(n) })
		start := time.Now()
		c.L.Lock()
		c.Broadcast()
		cancel()
		time.Sleep(time.Millisecond)
		c.L.Unlock()
		ends.Wait()
		t.Logf("%d after %v", n, time.Since(start))
	}
}
