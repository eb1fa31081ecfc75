package ring_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/internal/proctest/shared"
	"github.com/isthmus-go/isthmus/ring"
)

// A dormouse sleeps until it can pop, or push, one message.
var _ = proctest.Register("dormouse", func(c *proctest.Child) {
	s := shared.Open(c)
	q := proctest.Must(ring.NewMPMC[uint64](s, c.Arg(0), 2))(c)
	c.Send("ready")
	if c.Arg(1) == "pop" {
		proctest.Must(q.Pop(background))(c)
	} else {
		c.Check(q.Push(background, 3))
	}
	c.Send("woken")
	c.Check(s.Close())
})

// dormice starts two of them, and gives them time to fall asleep. Without it
// the test would show less, and not fail.
func dormice(t *testing.T, what, ring string, asleep func() bool) []*proctest.Proc {
	procs := []*proctest.Proc{
		proctest.Start(t, "dormouse", ring, what), proctest.Start(t, "dormouse", ring, what),
	}
	for _, p := range procs {
		p.Expect("ready")
	}
	proctest.Until(t, "somebody waits", asleep)
	time.Sleep(5 * time.Millisecond)
	return procs
}

// TestWakesOutOfOrder publishes, or frees, the second slot before the first: who
// is woken for the second sleeps again, and has to be woken for both later.
func TestWakesOutOfOrder(t *testing.T) {
	s := newSegment(t)
	for _, name := range []string{"a", "b", "c"} {
		q := proctest.Must(ring.NewMPMC[uint64](s, name, 2))(t)

		procs := dormice(t, "pop", name, q.PopWaiting)
		r := proctest.Must(q.TryReserve())(t)
		proctest.Check(t, q.TryPush(2))
		time.Sleep(time.Millisecond) // the one that was woken sleeps again
		*r.Value() = 1
		proctest.Check(t, r.Commit())
		for _, p := range procs {
			p.Expect("woken")
			p.Wait()
		}

		proctest.Check(t, q.TryPush(1))
		proctest.Check(t, q.TryPush(2))
		procs = dormice(t, "push", name, q.PushWaiting)
		l := proctest.Must(q.TryNext())(t)
		proctest.Must(q.TryPop())(t)
		time.Sleep(time.Millisecond)
		proctest.Check(t, l.Release())
		for _, p := range procs {
			p.Expect("woken")
			p.Wait()
		}
	}
}

// TestCancelWakes gives a slot up that others wait behind: consumers for the message
// after it, producers for its room.
func TestCancelWakes(t *testing.T) {
	s := newSegment(t)
	q := proctest.Must(ring.NewMPMC[uint64](s, "cancelled", 2))(t)
	for n := range uint64(3) {
		r := proctest.Must(q.TryReserve())(t)
		popped := proctest.Go(func() error {
			v, err := q.Pop(background)
			if err == nil && v != n {
				err = fmt.Errorf("popped %d, want %d", v, n)
			}
			return err
		})
		proctest.Until(t, "the consumer waits", q.PopWaiting)
		proctest.Check(t, q.TryPush(n)) // wakes it, in vain
		proctest.Until(t, "the consumer waits again", q.PopWaiting)
		proctest.Check(t, r.Cancel())
		proctest.Check(t, proctest.Result(t, popped))

		r = proctest.Must(q.TryReserve())(t)
		proctest.Check(t, q.TryPush(n))
		pushed := proctest.Go(func() error { return q.Push(background, n+100) })
		proctest.Until(t, "the producer waits", q.PushWaiting)
		proctest.Check(t, r.Cancel())
		proctest.Check(t, proctest.Result(t, pushed))
		for _, want := range []uint64{n, n + 100} {
			if got := proctest.Must(q.TryPop())(t); got != want {
				t.Fatalf("popped %d, want %d", got, want)
			}
		}
	}
	r := proctest.Must(q.TryReserve())(t)
	ended := proctest.Go(func() error { _, err := q.Pop(background); return err })
	proctest.Until(t, "the consumer waits", q.PopWaiting)
	proctest.Check(t, q.Close())
	proctest.Until(t, "the consumer waits again", q.PopWaiting)
	proctest.Check(t, r.Cancel()) // what came before the end
	checkIs(t, "Pop in the end", proctest.Result(t, ended), ring.ErrClosed)
}

// TestCloseWakes closes rings on which both sides sleep.
func TestCloseWakes(t *testing.T) {
	for _, kind := range mainKinds {
		t.Run(kind, func(t *testing.T) {
			s := newSegment(t)
			empty := proctest.Start(t, "closed on", kind, "empty")
			full := newQueue(t, s, kind, "full", 2)
			p := proctest.Must(full.Producer())(t)
			cram(p)
			empty.Expect("ready")
			q := newQueue(t, s, kind, "empty", 2)
			proctest.Until(t, "the consumer waits", q.PopWaiting)
			ep := proctest.Must(q.Producer())(t)
			proctest.Check(t, ep.Close())
			empty.Wait()
			if !isMPMC(q) {
				proctest.Check(t, p.Close())
				return
			}
			blocked := proctest.Start(t, "closed on", kind, "full")
			blocked.Expect("ready")
			proctest.Until(t, "the producer waits", full.PushWaiting)
			proctest.Check(t, p.Close())
			blocked.Wait()
		})
	}
}

var _ = proctest.Register("closed on", func(c *proctest.Child) {
	s := shared.Open(c)
	q := newQueue(c, s, c.Arg(0), c.Arg(1), 2)
	var err error
	if c.Arg(1) == "empty" {
		co := proctest.Must(q.Consumer())(c)
		c.Send("ready")
		_, err = co.Pop(background)
	} else {
		p := proctest.Must(q.Producer())(c)
		c.Send("ready")
		err = p.Push(background, 1)
	}
	if err != ring.ErrClosed {
		c.Fatalf("%v", err)
	}
	c.Check(s.Close())
})
