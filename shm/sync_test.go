package shm_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/internal/proctest/shared"
	"github.com/isthmus-go/isthmus/shm"
)

// What tests of all objects show of the Event, the Once, the WaitGroup, the
// RecursiveLock, the Barrier and the Cond.

func init() {
	races["Set and IsSet"] = func(c *proctest.Child, seg *shm.Segment, heap *int) (a, b func()) {
		e := newEvent(c, seg, "e")
		return publish(heap, e.Set, e.IsSet)
	}
	races["Set and Event's Wait"] = func(c *proctest.Child, seg *shm.Segment, heap *int) (a, b func()) {
		e := newEvent(c, seg, "e")
		return publish(heap, e.Set, func() bool { return e.Wait(context.Background()) == nil })
	}
	races["race: after Set"] = func(c *proctest.Child, seg *shm.Segment, heap *int) (a, b func()) {
		e := newEvent(c, seg, "e")
		return late(heap, e.Set, e.IsSet)
	}
	races["race: Clear and IsSet"] = func(c *proctest.Child, seg *shm.Segment, heap *int) (a, b func()) {
		e := newEvent(c, seg, "e")
		e.Set()
		return publish(heap, e.Clear, func() bool { return !e.IsSet() })
	}
	races["Once's Do and Do"] = func(c *proctest.Child, seg *shm.Segment, heap *int) (a, b func()) {
		o := newOnce(c, seg, "o")
		f := func() {
			c.Check(o.Do(context.Background(), func() error { *heap++; return nil }))
			if *heap != 1 {
				c.Fatalf("done %d times", *heap)
			}
		}
		return f, f
	}
	races["Once's Do and Done"] = func(c *proctest.Child, seg *shm.Segment, heap *int) (a, b func()) {
		o := newOnce(c, seg, "o")
		return publish(heap, func() { c.Check(o.Do(context.Background(), succeed)) }, o.Done)
	}
	races["an f that fails, and the next"] = func(c *proctest.Child, seg *shm.Segment, heap *int) (a, b func()) {
		o := newOnce(c, seg, "o")
		f := func() { _ = o.Do(context.Background(), func() error { *heap++; return errTry }) }
		return f, f
	}
	races["Done and Wait"] = func(c *proctest.Child, seg *shm.Segment, heap *int) (a, b func()) {
		g := newWaitGroup(c, seg, "g")
		g.Add(1)
		return func() { *heap++; g.Done() }, func() { g.Wait(); *heap++ }
	}
	races["Go and WaitContext"] = func(c *proctest.Child, seg *shm.Segment, heap *int) (a, b func()) {
		g := newWaitGroup(c, seg, "g")
		g.Go(func() { *heap++ })
		return func() {}, func() { c.Check(g.WaitContext(context.Background())); *heap++ }
	}
	races["race: after WaitGroup's Done"] = func(c *proctest.Child, seg *shm.Segment, heap *int) (a, b func()) {
		g := newWaitGroup(c, seg, "g")
		g.Add(1)
		return func() { g.Done(); *heap++ }, func() { g.Wait(); *heap++ }
	}
	races["RecursiveLock"] = func(c *proctest.Child, seg *shm.Segment, heap *int) (a, b func()) {
		l := newRecursiveLock(c, seg, "r")
		f := func(token uint32) func() {
			return func() { l.Lock(token); l.Lock(token); l.Unlock(token); *heap++; l.Unlock(token) }
		}
		return f(1), f(2)
	}
	races["race: after RecursiveLock's Unlock"] = func(c *proctest.Child, seg *shm.Segment, heap *int) (a, b func()) {
		l := newRecursiveLock(c, seg, "r")
		f := func(token uint32) func() {
			return func() { l.Lock(token); l.Unlock(token); *heap++ }
		}
		return f(1), f(2)
	}
	races["Barrier's Wait and Wait"] = func(c *proctest.Child, seg *shm.Segment, heap *int) (a, b func()) {
		x := newBarrier(c, seg, 2)
		return func() { *heap++; barrierEnd(x) }, func() { barrierEnd(x); *heap++ }
	}
	races["race: after Barrier's Wait"] = func(c *proctest.Child, seg *shm.Segment, heap *int) (a, b func()) {
		x := newBarrier(c, seg, 2)
		f := func() { barrierEnd(x); *heap++ }
		return f, f
	}
	races["Signal and Cond's Wait"] = func(c *proctest.Child, seg *shm.Segment, heap *int) (a, b func()) {
		return signals(newCond(c, seg), heap, (*shm.Cond).Signal, false)
	}
	races["Broadcast and Cond's Wait"] = func(c *proctest.Child, seg *shm.Segment, heap *int) (a, b func()) {
		return signals(newCond(c, seg), heap, (*shm.Cond).Broadcast, false)
	}
	races["race: after Signal"] = func(c *proctest.Child, seg *shm.Segment, heap *int) (a, b func()) {
		return signals(newCond(c, seg), heap, (*shm.Cond).Signal, true)
	}
	races["Cond's Waits"] = func(c *proctest.Child, seg *shm.Segment, heap *int) (a, b func()) {
		x := newCond(c, seg)
		f := func() {
			x.L.Lock()
			*heap++
			x.Signal()
			timedWait(x)
			*heap++
			x.L.Unlock()
		}
		return f, f
	}
	races["race: after f"] = func(c *proctest.Child, seg *shm.Segment, heap *int) (a, b func()) {
		o := newOnce(c, seg, "o")
		return late(heap, func() { c.Check(o.Do(context.Background(), succeed)) }, o.Done)
	}
}

// signals returns a goroutine that writes the variable and then signals without the lock, or
// the other way round, and one that waits for that and then writes it.
func signals(c *shm.Cond, heap *int, signal func(*shm.Cond), late bool) (a, b func()) {
	return func() {
			for c.Waiting() == 0 {
			}
			if !late {
				*heap++
			}
			signal(c)
			if late {
				*heap++
			}
		}, func() {
			c.L.Lock()
			c.Wait()
			*heap++
			c.L.Unlock()
		}
}

// timedWait waits for a moment.
func timedWait(c *shm.Cond) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
	defer cancel()
	_ = c.WaitContext(ctx)
}

// uncontended returns the operations that do not have to wait, by name.
func uncontended(t proctest.Fataler, seg *shm.Segment) map[string]func() {
	ctx, cancel := context.WithCancel(context.Background())
	_ = cancel
	e := newEvent(t, seg, "e")
	o := newOnce(t, seg, "o")
	g := newWaitGroup(t, seg, "g")
	r := newRecursiveLock(t, seg, "r")
	b := newBarrier(t, seg, 1)
	c := newCond(t, seg)
	return map[string]func(){
		"Barrier": func() {
			_, _ = b.Wait(ctx)
			b.Waiting()
			b.Broken()
		},
		"Cond": func() {
			c.Signal()
			c.Broadcast()
		},
		"RecursiveLock": func() {
			r.Lock(1)
			r.TryLock(1)
			_ = r.LockContext(ctx, 1)
			r.TryLock(2)
			for r.Count(1) > 0 {
				r.Unlock(1)
			}
		},
		"WaitGroup": func() {
			g.Add(2)
			g.Done()
			g.Done()
			g.Take(1)
			g.Wait()
			_ = g.WaitContext(ctx)
		},
		"Once": func() {
			_ = o.Do(ctx, succeed)
			o.Done()
		},
		"Event": func() {
			e.Set()
			e.IsSet()
			_ = e.Wait(ctx)
			e.Clear()
		},
	}
}

func TestSyncNoAllocation(t *testing.T) {
	for name, op := range uncontended(t, shared.Named(t).Segment) {
		if n := testing.AllocsPerRun(100, op); n != 0 {
			t.Errorf("%s allocates %v times", name, n)
		}
	}
}

func TestSyncString(t *testing.T) {
	s := shared.Named(t).Segment
	for want, v := range map[string]any{
		`event "e" in segment "test"`:          newEvent(t, s, "e"),
		`once "o" in segment "test"`:           newOnce(t, s, "o"),
		`wait group "g" in segment "test"`:     newWaitGroup(t, s, "g"),
		`recursive lock "r" in segment "test"`: newRecursiveLock(t, s, "r"),
		`barrier "b" in segment "test"`:        newBarrier(t, s, parties),
		`cond "c" in segment "test"`:           newCond(t, s),
	} {
		if got := fmt.Sprintf("%v %+v", v, v); got != want+" "+want {
			t.Errorf("printed as %s, want %s", got, want)
		}
	}
}
