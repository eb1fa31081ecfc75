package ring_test

import (
	"context"
	"errors"
	"testing"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/internal/proctest/shared"
	"github.com/isthmus-go/isthmus/ring"
)

// A waiter waits for a message until it is told not to.
var _ = proctest.Register("waiter", func(c *proctest.Child) {
	s := shared.Open(c)
	q := proctest.Must(ring.NewMPMC[uint64](s, "waiters", 2))(c)
	ctx, cancel := context.WithCancel(background)
	go func() {
		c.Expect("cancel")
		cancel()
	}()
	c.Send("waiting")
	n, err := q.Pop(ctx)
	c.Send(n, errors.Is(err, context.Canceled))
	c.Check(s.Close())
})

// TestCancelOne has two processes wait, and cancels the one that sleeps first:
// the other is not disturbed, and gets the message.
func TestCancelOne(t *testing.T) {
	q := proctest.Must(ring.NewMPMC[uint64](newSegment(t), "waiters", 2))(t)
	a := proctest.Start(t, "waiter")
	a.Expect("waiting")
	proctest.Until(t, "the first waits", q.PopWaiting)
	b := proctest.Start(t, "waiter")
	b.Expect("waiting")
	a.Send("cancel")
	a.Expect(0, true)
	a.Wait()
	proctest.Check(t, q.TryPush(7))
	b.Expect(7, false)
	b.Wait()
}
