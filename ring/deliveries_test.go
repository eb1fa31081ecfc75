package ring_test

import (
	"testing"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/internal/proctest/shared"
	"github.com/isthmus-go/isthmus/ring"
)

// A poisoned process takes up the next message, and dies of it.
var _ = proctest.Register("poisoned", func(c *proctest.Child) {
	if c.Arg(0) == "MPMC" {
		l := proctest.Must(newKillRing(c, shared.Open(c)).Next(background))(c)
		c.Send(l.Value().ID, l.Deliveries())
	} else {
		q := newByteKillRing(c, shared.Open(c))
		l := proctest.Must(q.BytesMPMC.Next(background))(c)
		c.Send(number(l.Bytes()), l.Deliveries())
	}
	c.Recv()
})

// TestDeliveries has one message kill each process that takes it up.
func TestDeliveries(t *testing.T) {
	proctest.Mortal(t)
	poison := func(kind string) {
		for n := 1; n <= 3; n++ {
			p := proctest.Start(t, "poisoned", kind)
			p.Expect(5, n)
			p.Kill()
		}
	}
	t.Run("MPMC", func(t *testing.T) {
		q := newKillRing(t, newSegment(t))
		pushJobs(t, q, 5, 6)
		poison("MPMC")
		for _, want := range []struct{ id, deliveries int }{{5, 4}, {6, 1}} {
			l := proctest.Must(q.Next(background))(t)
			if int(l.Value().ID) != want.id || l.Deliveries() != want.deliveries {
				t.Errorf("message %d is lent, %d times so far; want %v", l.Value().ID, l.Deliveries(), want)
			}
			proctest.Check(t, l.Release())
			checkIs(t, "second Release", l.Release(), ring.ErrNotReserved)
			pushJobs(t, q, 6, 7)
		}
		popJobs(t, q, 6, 7)
		goOn(t, q)
	})
	t.Run("BytesMPMC", func(t *testing.T) {
		q := newByteKillRing(t, newSegment(t))
		proctest.Check(t, q.TryPush(5))
		poison("BytesMPMC")
		for _, want := range []struct{ id, deliveries int }{{5, 4}, {6, 1}} {
			l := proctest.Must(q.BytesMPMC.Next(background))(t)
			if int(number(l.Bytes())) != want.id || l.Deliveries() != want.deliveries {
				t.Errorf("message %d is lent, %d times so far; want %v", number(l.Bytes()), l.Deliveries(), want)
			}
			proctest.Check(t, l.Release())
			proctest.Check(t, q.TryPush(6))
		}
		expectPop(t, q, q, 6)
		goOnBytes(t, q)
	})
}
