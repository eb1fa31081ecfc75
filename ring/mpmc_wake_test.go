package ring_test

import (
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
