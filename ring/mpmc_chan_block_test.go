package ring_test

import (
	"fmt"
	"testing"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/ring"
	"github.com/isthmus-go/isthmus/shm"
)

// A channel is a ring, and a counter of what the other side has been through, by
// which one sees that it is not through yet. (Room in Bytes is not counted in
// messages.)
type channel struct {
	queue
	what    string
	through *shm.Value[uint64]
}

// eachChannel opens a ring of each kind and capacity, for a step of a test.
func eachChannel(c *proctest.Child, s *shm.Segment, step string, do func(ch channel)) {
	for _, kind := range []string{"SPSC", "MPMC"} {
		for _, capacity := range []int{1, 2, 7, 64} {
			what := fmt.Sprintf("%s, %s/capacity %d", step, kind, capacity)
			do(channel{newQueue(c, s, kind, what, capacity), what, counter(c, s, "through "+what)})
		}
	}
}

// wait waits until the other side has to, and checks that it is not through.
func (ch channel) wait(c *proctest.Child, waiting func() bool) {
	proctest.Until(c, ch.what+": the other side waits", waiting)
	if ch.through.Load() != 0 {
		c.Fatalf("%s: the other side did not wait", ch.what)
	}
}

// expect pops message n in the given way.
func (ch channel) expect(c *proctest.Child, n uint64, pop func() (uint64, error)) {
	if got, err := pop(); got != n&ch.Mask() || err != nil {
		c.Fatalf("%s: popped %d, %v; want %d", ch.what, got, err, n)
	}
}

// expectEnd pops from a ring that is closed and drained.
func (ch channel) expectEnd(c *proctest.Child, co consumer) {
	for range 2 {
		_, errPop := co.Pop(background)
		_, errTryPop := co.TryPop()
		if errPop != ring.ErrClosed || errTryPop != ring.ErrClosed {
			c.Fatalf("%s: after the end: %v, %v", ch.what, errPop, errTryPop)
		}
	}
}

var _ = proctest.Register("chan ends", parties(
	func(c *proctest.Child, s *shm.Segment) {
		eachChannel(c, s, "empty", func(ch channel) {
			p := proctest.Must(ch.Producer())(c)
			ch.wait(c, ch.PopWaiting)
			c.Check(p.Push(background, 7))
		})
		eachChannel(c, s, "full", func(ch channel) {
			p := proctest.Must(ch.Producer())(c)
			room := uint64(ch.Cap())
			for n := range room {
				c.Check(p.TryPush(n))
			}
			if err := p.TryPush(room); err != ring.ErrFull {
				c.Fatalf("%s: TryPush: %v", ch.what, err)
			}
			c.Check(p.Push(background, room))
			c.Check(p.Close())
			shm.Add(ch.through, 1)
		})
		eachChannel(c, s, "closed", func(ch channel) {
			p := proctest.Must(ch.Producer())(c)
			ch.wait(c, ch.PopWaiting)
			c.Check(p.Close())
		})
		eachChannel(c, s, "stream", func(ch channel) {
			p := proctest.Must(ch.Producer())(c)
			for n := range uint64(200) {
				c.Check(p.Push(background, n))
			}
			c.Check(p.Close())
		})
	},
	func(c *proctest.Child, s *shm.Segment) {
		eachChannel(c, s, "empty", func(ch channel) {
			co := proctest.Must(ch.Consumer())(c)
			if _, err := co.TryPop(); err != ring.ErrEmpty || ch.Len() != 0 {
				c.Fatalf("%s: TryPop: %v; Len is %d", ch.what, err, ch.Len())
			}
			ch.expect(c, 7, func() (uint64, error) {
				n, err := co.Pop(background)
				shm.Add(ch.through, 1)
				return n, err
			})
		})
		eachChannel(c, s, "full", func(ch channel) {
			co := proctest.Must(ch.Consumer())(c)
			ch.wait(c, ch.PushWaiting)
			if ch.Len() != ch.Cap() {
				c.Fatalf("%s: Len of the full ring is %d, Cap %d", ch.what, ch.Len(), ch.Cap())
			}
			ch.expect(c, 0, co.TryPop)
			proctest.Until(c, ch.what+": the ring is closed", func() bool { return ch.through.Load() != 0 })
			for n := range uint64(ch.Cap()) {
				ch.expect(c, n+1, co.TryPop)
			}
			ch.expectEnd(c, co)
		})
		eachChannel(c, s, "closed", func(ch channel) {
			co := proctest.Must(ch.Consumer())(c)
			_, err := co.Pop(background)
			shm.Add(ch.through, 1)
			if err != ring.ErrClosed {
				c.Fatalf("%s: Pop: %v", ch.what, err)
			}
			ch.expectEnd(c, co)
		})
		eachChannel(c, s, "stream", func(ch channel) {
			co := proctest.Must(ch.Consumer())(c)
			for n := range uint64(100) {
				ch.expect(c, n, func() (uint64, error) { return co.Pop(background) })
			}
			n := uint64(100)
			for got, err := range co.All(background) {
				ch.expect(c, n, func() (uint64, error) { return got, err })
				n++
			}
			if n != 200 {
				c.Fatalf("%s: got %d messages of 200", ch.what, n)
			}
			ch.expectEnd(c, co)
		})
	},
))

// TestChan: a pop from an empty ring and a push to a full one wait, and the try
// operations do not; a closed ring is drained, and its end unblocks who waits;
// what is pushed is popped, in order.
func TestChan(t *testing.T) { eachWay(t, "chan ends", 2) }
