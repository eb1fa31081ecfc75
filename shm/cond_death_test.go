package shm_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/internal/proctest/shared"
	"github.com/isthmus-go/isthmus/internal/wait"
	"github.com/isthmus-go/isthmus/shm"
)

// TestCondWaiterKilled kills a process that waits, or has got the signal and not returned: the
// signal goes to another.
func TestCondWaiterKilled(t *testing.T) {
	for _, method := range []string{"Wait", "Wait, stopped", "WaitHalf", "WaitLocked"} {
		t.Run(method, func(t *testing.T) {
			proctest.Mortal(t)
			s := shared.Named(t)
			c, p, q := newCond(t, s.Segment), startCond(t, s), startCond(t, s)
			want := "woken"
			switch method {
			case "Wait":
				p.begins(t, c, "Wait")
				p.Kill()
			case "Wait, stopped":
				p.begins(t, c, "Wait")
				p.Stop()
				c.Signal()
			default:
				p.begins(t, c, method)
				c.Signal()
				p.Expect("has a signal")
			}
			var w <-chan any
			start := time.Now()
			if method == "Wait" {
				w = begins(t, c)
				q.begins(t, c, "Wait")
				c.Signal()
				c.Signal() // one for the dead
			} else {
				w = condWaits(c) // maybe not before p is dead
				p.Kill()
			}
			if method == "WaitLocked" {
				want = "owner died"
			}
			if method == "Wait" {
				q.Expect("woken")
			}
			if got := proctest.Result(t, w); got != want && got != "woken" {
				t.Errorf("Wait: %v", got)
			}
			proctest.Prompt(t, "told", start)
			wantNone(t, c)
		})
	}
}

// wantNone checks that nothing is left once somebody has waited for long enough to look.
func wantNone(t *testing.T, c *shm.Cond) {
	t.Helper()
	proctest.Until(t, "nothing is left", func() bool {
		c.Broadcast() // also for the dead who wait
		lockMarked(c)
		defer c.L.Unlock()
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		err := c.WaitContext(ctx)
		return err != nil && c.Waiting() == 0 && c.Granted() == 0 && !c.Casting()
	})
}

// TestCondManyKilled kills all processes but one of those that wait, of which one has got the
// signal: it is not passed on from one of the dead to another.
func TestCondManyKilled(t *testing.T) {
	proctest.Mortal(t)
	s := shared.Named(t)
	c := newCond(t, s.Segment)
	w := begins(t, c)
	c.Signal() // the next one goes to a slot behind that of the test
	wantEnd(t, w, "woken")
	var procs []*condProc
	for range 4 {
		p := startCond(t, s)
		p.begins(t, c, "Wait")
		p.Stop()
		procs = append(procs, p)
	}
	w = begins(t, c)
	c.Signal()
	for _, p := range procs {
		p.Kill()
	}
	start := time.Now()
	wantEnd(t, w, "woken")
	proctest.Prompt(t, "told", start)
	wantNone(t, c)
}

// TestCondSignallerKilled kills a process in Signal, before it wakes anybody: who sleeps finds
// out.
func TestCondSignallerKilled(t *testing.T) {
	proctest.Mortal(t)
	s := shared.Named(t)
	c, p := newCond(t, s.Segment), startCond(t, s)
	w := begins(t, c)
	proctest.Until(t, "it sleeps", c.Awaited)
	start := time.Now()
	call(p.Proc, "SignalSilently", "done")
	p.Kill()
	wantEnd(t, w, "woken")
	proctest.Prompt(t, "told", start)
	stays(t, c, 0)
}

// TestCondBroadcasterKilled kills a process in the middle of Broadcast: those who wait finish
// it, or the next owner of its slot.
func TestCondBroadcasterKilled(t *testing.T) {
	for _, slotTaken := range []bool{false, true} {
		t.Run(fmt.Sprint("slot taken ", slotTaken), func(t *testing.T) {
			proctest.Mortal(t)
			s := shared.NamedWith(t, &shm.Options{MaxProcs: 4})
			c := newCond(t, s.Segment)
			procs := []*condProc{startCond(t, s), startCond(t, s)}
			for range 2 {
				for _, p := range procs {
					p.begins(t, c, "Wait")
				}
			}
			if slotTaken {
				for _, p := range procs {
					p.Stop() // they must not look before the slot is taken
				}
			}
			q := startCond(t, s)
			call(q.Proc, "BroadcastHalf", "done")
			start := time.Now()
			q.Kill()
			if slotTaken {
				r := startCond(t, s)
				call(r.Proc, "EnterHalf", "done")
				if n := c.Waiting(); n != 0 {
					t.Errorf("%d wait", n)
				}
				r.Kill()
				for _, p := range procs {
					p.Continue()
				}
			}
			for range 2 {
				for _, p := range procs {
					p.Expect("woken")
				}
			}
			proctest.Prompt(t, "told", start)
			wantNone(t, c)
		})
	}
}

// TestCondSlotTakenAgain starts a process in the slot of one that has died with a signal: the
// signal is another's. Then that one dies at each step of this.
func TestCondSlotTakenAgain(t *testing.T) {
	for _, method := range []string{"Wait", "EnterHalf", "Signal"} {
		t.Run(method, func(t *testing.T) {
			proctest.Mortal(t)
			s := shared.NamedWith(t, &shm.Options{MaxProcs: 3})
			c, p, q := newCond(t, s.Segment), startCond(t, s), startCond(t, s)
			p.begins(t, c, "WaitHalf")
			c.Signal()
			p.Expect("has a signal")
			q.begins(t, c, "Wait")
			q.Stop() // it must not look before the slot is taken
			p.Kill()
			r := startCond(t, s)
			switch method {
			case "Wait":
				joins := c.Joins()
				r.Send("Wait")
				proctest.Until(t, "it waits", func() bool { return c.Joins() > joins })
				if c.Waiting() != 1 || c.Granted() != 1 {
					t.Errorf("%d wait, %d signals are left", c.Waiting(), c.Granted())
				}
			default:
				call(r.Proc, method, "done")
				r.Kill()
			}
			q.Continue()
			q.Expect("woken")
			if method == "Wait" {
				stays(t, c, 1)
				c.Signal()
				r.Expect("woken")
			}
			wantNone(t, c)
		})
	}
}

// TestCondRepairerKilled kills a process that passes on what another has left: that is passed
// on, at least once.
func TestCondRepairerKilled(t *testing.T) {
	for _, method := range []string{"Stay", "PassOnHalf"} {
		t.Run(method, func(t *testing.T) {
			proctest.Mortal(t)
			s := shared.Named(t)
			c, p, q, r := newCond(t, s.Segment), startCond(t, s), startCond(t, s), startCond(t, s)
			p.begins(t, c, "WaitHalf")
			c.Signal()
			p.Expect("has a signal")
			q.begins(t, c, "Wait")
			q.Stop()
			p.Kill()
			call(r.Proc, method, "done")
			r.Kill()
			start := time.Now()
			q.Continue()
			q.Expect("woken")
			proctest.Prompt(t, "told", start)
			wantNone(t, c)
		})
	}
}

// TestCondRepairerPaused stops a process that passes on what another has left: others do so as
// well, and Signals go on.
func TestCondRepairerPaused(t *testing.T) {
	proctest.Mortal(t)
	s := shared.Named(t)
	c, p, q := newCond(t, s.Segment), startCond(t, s), startCond(t, s)
	p.begins(t, c, "WaitHalf")
	c.Signal()
	p.Expect("has a signal")
	call(q.Proc, "Stay", "done")
	p.Kill()
	start := time.Now()
	wantEnd(t, condWaits(c), "woken") // by what p has left
	proctest.Prompt(t, "told", start)
	for range 3 {
		w := begins(t, c)
		v := begins(t, newCond(t, s.Another(t))) // enters a line
		c.Signal()
		c.Signal()
		wantEnd(t, w, "woken")
		wantEnd(t, v, "woken")
	}
	q.Kill()
	wantNone(t, c)
}

// TestCondRepairerAgain has somebody repair who has done so before: it is not taken for stopped.
func TestCondRepairerAgain(t *testing.T) {
	proctest.Mortal(t)
	s := shared.NamedWith(t, &shm.Options{MaxProcs: 8})
	c, q := newCond(t, s.Segment), newCond(t, s.Another(t))
	die := func() { // and leave a signal
		seg := s.Another(t)
		d := newCond(t, seg)
		n := c.Joins()
		half := proctest.Go(func() any { d.L.Lock(); d.WaitHalf(); return nil })
		proctest.Until(t, "it waits", func() bool { return c.Joins() > n })
		c.Signal()
		proctest.Result(t, half)
		proctest.Check(t, seg.Close())
		proctest.Until(t, "it looks dead", c.Owed)
	}
	die()
	q.Stay()
	c.Look() // finds q there
	q.Unstay()
	c.Look()
	if c.Granted() != 0 {
		t.Fatal("the signal was not passed on")
	}
	time.Sleep(2 * wait.Slice())
	die()
	q.Stay()
	c.Look()
	if c.Granted() == 0 {
		t.Error("who had just taken the repair lock was taken for stopped")
	}
	q.Unstay()
	c.Look()
}

// TestCondWaiterPaused stops a process that has got a signal: the next ones go to others.
func TestCondWaiterPaused(t *testing.T) {
	s := shared.Named(t)
	c, p, q := newCond(t, s.Segment), startCond(t, s), startCond(t, s)
	for range 3 {
		p.begins(t, c, "Wait")
		q.begins(t, c, "Wait")
		p.Stop()
		c.Signal()
		c.Signal()
		q.Expect("woken")
		w := begins(t, c)
		c.Signal()
		wantEnd(t, w, "woken")
		p.Continue()
		p.Expect("woken")
	}
}

// TestCondOwnerKilled kills a process that has L after its Wait: others are told.
func TestCondOwnerKilled(t *testing.T) {
	proctest.Mortal(t)
	s := shared.Named(t)
	c, p := newCond(t, s.Segment), startCond(t, s)
	p.begins(t, c, "WaitAndStay")
	w := begins(t, c)
	c.Broadcast()
	p.Kill()
	if got := proctest.Result(t, w); got != "owner died" && got != "woken" { // it may have come first
		t.Errorf("Wait: %v", got)
	}
	wantNone(t, c) // p may have left its signal
	p = startCond(t, s)
	p.begins(t, c, "WaitAndStay")
	c.Signal()
	p.Expect("woken")
	p.Kill()
	proctest.WantError(t, "LockContext", c.L.LockContext(t.Context()), shm.ErrOwnerDied)
	w = proctest.Go(func() any {
		defer c.L.Unlock()
		return c.WaitContext(t.Context())
	})
	proctest.Until(t, "it waits", func() bool { return c.Waiting() == 1 })
	c.Signal()
	err, _ := proctest.Result(t, w).(error)
	proctest.WantError(t, "WaitContext", err, shm.ErrOwnerDied, `cond "c"`)
	c.L.Lock()
	c.L.MarkConsistent()
	c.L.Unlock()
	wantNone(t, c)
}

// An eater takes what there is, and waits for more.
var _ = proctest.Register("eater", func(c *proctest.Child) {
	seg := shared.Open(c)
	cond, food := newCond(c, seg), newArray[int64](c, seg, "food", 2)
	var ends []<-chan bool
	for range 2 {
		ends = append(ends, proctest.Go(func() bool {
			for {
				if lockMarked(cond); food.Load(0) < 0 {
					cond.L.Unlock()
					return true
				}
				for food.Load(0) == 0 {
					if err := cond.WaitContext(context.Background()); errors.Is(err, shm.ErrOwnerDied) {
						cond.L.MarkConsistent()
					}
				}
				if food.Load(0) > 0 {
					food.Store(0, food.Load(0)-1)
					shm.AddAt(food, 1, 1)
				}
				cond.L.Unlock()
			}
		}))
	}
	for _, e := range ends {
		<-e
	}
	c.Send("full")
	c.Recv()
	c.Check(seg.Close())
})

// lockMarked locks L. If somebody has died with it, all look again: that one may have taken a
// signal.
func lockMarked(c *shm.Cond) {
	if err := c.L.LockContext(context.Background()); errors.Is(err, shm.ErrOwnerDied) {
		c.L.MarkConsistent()
		c.Broadcast()
	}
}

// TestCondKilledAnywhere kills processes wherever they are, while they are woken one by one.
// What there is to be taken is taken, as long as each one that dies with L is made up for.
func TestCondKilledAnywhere(t *testing.T) {
	proctest.Mortal(t)
	s := shared.Named(t)
	random := proctest.Random(t)
	c, food := newCond(t, s.Segment), newArray[int64](t, s.Segment, "food", 2)
	procs := s.StartAll(t, 3, "eater")
	for range 30 {
		n := 1 + random.IntN(300)
		for range n {
			lockMarked(c)
			food.Store(0, food.Load(0)+1)
			c.L.Unlock()
			c.Signal()
		}
		i := random.IntN(len(procs))
		procs[i].Kill()
		lockMarked(c)
		c.L.Unlock()
		proctest.Until(t, "all is taken", func() bool { return food.Load(0) == 0 })
		procs[i] = s.Start(t, "eater")
	}
	lockMarked(c)
	food.Store(0, -1)
	c.L.Unlock()
	c.Broadcast()
	for _, p := range procs {
		p.Expect("full")
		p.Send("end")
		p.Wait()
	}
	t.Logf("%d were taken", food.Load(1))
	wantNone(t, c)
}
