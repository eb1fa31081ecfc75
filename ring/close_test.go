package ring_test

import (
	"testing"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/internal/proctest/shared"
	"github.com/isthmus-go/isthmus/internal/ringtest"
	"github.com/isthmus-go/isthmus/ring"
)

// TestDrain closes rings with messages in them.
func TestDrain(t *testing.T) {
	eachQueue(t, func(t *testing.T, p producer, c consumer, q queue) {
		k := fillUp(t, p, q, 0)
		proctest.Check(t, p.Close())
		for what, push := range map[string]func() error{
			"TryPush":    func() error { return p.TryPush(0) },
			"Push":       func() error { return p.Push(background, 0) },
			"PushAll":    func() error { _, err := p.PushAll(background, 0, 1); return err },
			"TryReserve": func() error { _, err := p.TryReserve(0); return err },
			"Reserve":    func() error { _, err := p.Reserve(background, 0); return err },
		} {
			if err := push(); err != ring.ErrClosed {
				t.Errorf("%s after Close: %v", what, err)
			}
		}
		for n := range k {
			expectPop(t, c, q, n)
		}
		for what, pop := range map[string]func() error{
			"TryPop":  func() error { _, err := c.TryPop(); return err },
			"Pop":     func() error { _, err := c.Pop(background); return err },
			"PopInto": func() error { _, err := c.PopInto(background, 3); return err },
			"TryNext": func() error { _, err := c.TryNext(); return err },
			"Next":    func() error { _, err := c.Next(background); return err },
		} {
			if err := pop(); err != ring.ErrClosed {
				t.Errorf("%s of a ring that is closed and drained: %v", what, err)
			}
		}
		if n := q.Len(); n != 0 {
			t.Errorf("Len of a ring that is closed and drained is %d", n)
		}
	})
}

func TestAll(t *testing.T) {
	eachQueue(t, func(t *testing.T, p producer, c consumer, q queue) {
		k := fillUp(t, p, q, 0)
		proctest.Check(t, p.Close())
		var n uint64
		for got, err := range c.All(background) {
			proctest.Check(t, err)
			if got != n&q.Mask() {
				t.Fatalf("message %d, want %d", got, n)
			}
			if n++; n == 1 {
				break // the rest stays
			}
		}
		for got, err := range c.All(background) {
			proctest.Check(t, err)
			if got != n&q.Mask() {
				t.Fatalf("after break: message %d, want %d", got, n)
			}
			n++
		}
		if n != k {
			t.Fatalf("All ended after %d of %d messages", n, k)
		}
	})
}

// TestCloseWakes closes rings on which both sides sleep.
func TestCloseWakes(t *testing.T) {
	for _, kind := range ringtest.Main {
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
			if q.Roles() {
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

// TestClosedForProducers: there is nothing to take over in a closed ring but what
// is left to pop.
func TestClosedForProducers(t *testing.T) {
	eachRoleKind(t, func(t *testing.T, kind string, capacity int, q queue) {
		p := proctest.Must(q.Producer())(t)
		proctest.Check(t, p.Push(background, 5))
		proctest.Check(t, p.Close())
		checkIs(t, "second Close", p.Close(), ring.ErrClosed)
		for range 2 {
			_, err := q.Producer()
			checkIs(t, "producer of a closed ring", err, ring.ErrClosed)
		}
		c := proctest.Must(q.Consumer())(t)
		expectPop(t, c, q, 5)
		if _, err := c.TryPop(); err != ring.ErrClosed {
			t.Errorf("TryPop of the drained ring: %v", err)
		}
	})
}
