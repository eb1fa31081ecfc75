package shm_test

import (
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/internal/proctest/shared"
	"github.com/isthmus-go/isthmus/shm"
)

// newCond returns the Cond "c", of the lock "mu".
func newCond(t proctest.Fataler, seg *shm.Segment) *shm.Cond {
	t.Helper()
	return proctest.Must(shm.NewCond(seg, "c", newLock(t, seg, "mu")))(t)
}

// The helper "cond" calls the methods of the Cond "c" that it is sent, and says what they did.
// A Wait is in a goroutine of its own, which locks and unlocks L.
var _ = proctest.Register("cond", func(c *proctest.Child) {
	seg := shared.Open(c)
	cond := newCond(c, seg)
	methods := map[string]func(){
		"Lock": cond.L.Lock, "Unlock": cond.L.Unlock, "Signal": cond.Signal, "Broadcast": cond.Broadcast,
		"SignalSilently": cond.SignalSilently, "BroadcastHalf": func() { cond.BroadcastHalf() }, "Stay": cond.Stay,
		"PassOnHalf": cond.PassOnHalf, "EnterHalf": cond.EnterHalf,
	}
	var waiters sync.WaitGroup
	for {
		method := c.Recv()
		if method == "end" {
			break
		}
		switch method {
		case "Wait":
			waiters.Go(func() { c.Send(condEnd(cond)) })
		case "WaitHalf":
			waiters.Go(func() { cond.L.Lock(); cond.WaitHalf(); c.Send("has a signal") })
		case "WaitLocked":
			waiters.Go(func() { cond.L.Lock(); cond.WaitHalf(); cond.L.Lock(); c.Send("has a signal") })
		case "WaitAndStay":
			waiters.Go(func() { cond.L.Lock(); cond.Wait(); c.Send("woken") })
		default:
			methods[method]()
			c.Send("done")
		}
	}
	waiters.Wait()
	c.Check(seg.Close())
})

// condEnd locks, waits and unlocks, and says what came of it.
func condEnd(c *shm.Cond) any {
	if err := c.L.LockContext(context.Background()); err != nil && !errors.Is(err, shm.ErrOwnerDied) {
		return err
	}
	err := c.WaitContext(context.Background())
	switch {
	case errors.Is(err, shm.ErrOwnerDied):
		c.L.MarkConsistent()
		c.L.Unlock()
		return "owner died"
	case err != nil:
		return err
	}
	c.L.Unlock()
	return "woken"
}

func condWaits(c *shm.Cond) <-chan any { return proctest.Go(func() any { return condEnd(c) }) }

// condProc is a helper "cond" that ends with the test, unless it has been killed.
type condProc struct {
	*proctest.Proc
	gone bool
}

func startCond(t *testing.T, s shared.Segment) *condProc {
	t.Helper()
	p := &condProc{Proc: s.Start(t, "cond")}
	t.Cleanup(func() {
		if !p.gone && !t.Failed() && !t.Skipped() {
			end(p.Proc)
		}
	})
	return p
}

func (p *condProc) Kill() { p.Proc.Kill(); p.gone = true }

// begins has the helper begin a Wait, and waits until it has unlocked L.
func (p *condProc) begins(t *testing.T, c *shm.Cond, method string) {
	t.Helper()
	n := c.Waiting()
	p.Send(method)
	proctest.Until(t, "it waits", func() bool { return c.Waiting() == n+1 })
	pass(c.L)
}

// begins has the test begin a Wait.
func begins(t *testing.T, c *shm.Cond) <-chan any {
	t.Helper()
	n := c.Waiting()
	w := condWaits(c)
	proctest.Until(t, "it waits", func() bool { return c.Waiting() == n+1 })
	pass(c.L)
	return w
}

// stays checks that so many wait, and that no signal is on its way.
func stays(t *testing.T, c *shm.Cond, waiting int) {
	t.Helper()
	proctest.Until(t, "no signal is on its way", func() bool { return c.Granted() == 0 })
	if got := c.Waiting(); got != waiting {
		t.Errorf("%d wait, expected %d", got, waiting)
	}
}
