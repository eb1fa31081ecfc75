package ring_test

import (
	"context"
	"io/fs"
	"testing"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/internal/proctest/shared"
	"github.com/isthmus-go/isthmus/ring"
	"github.com/isthmus-go/isthmus/shm"
)

// drainer pops from a ring until it is closed and drained, and detaches when told to.
var _ = proctest.Register("drainer", func(c *proctest.Child) {
	seg := shared.Open(c)
	q := proctest.Must(ring.NewMPMC[uint64](seg, "q", 8))(c)
	for {
		x, err := q.Pop(context.Background())
		if err != nil {
			c.Send(err == ring.ErrClosed)
			break
		}
		c.Send(x)
	}
	c.Expect("detach")
	c.Check(seg.Close())
	c.Send("detached")
})

// TestReopen opens a ring again that was closed and is drained, twice: the first time its
// other user detaches, the second time it is killed.
func TestReopen(t *testing.T) {
	s := shared.Named(t)
	for _, kill := range []bool{false, true} {
		p := s.Start(t, "drainer")
		seg := s.Another(t)
		q := proctest.Must(ring.NewMPMC[uint64](seg, "q", 8))(t)
		proctest.Check(t, q.Push(context.Background(), 7))
		p.Expect(7)
		proctest.Check(t, q.Close())
		p.Expect(true)
		proctest.WantError(t, "two use it", s.RemoveObject("q"), shm.ErrInUse, `object "q"`, shared.Name, "attachments that use it: 2")
		proctest.Check(t, seg.Close())
		proctest.WantError(t, "another process uses it", s.RemoveObject("q"), shm.ErrInUse, "attachments that use it: 1")
		if kill {
			p.Kill()
		} else {
			p.Send("detach")
			p.Expect("detached")
			p.Wait()
		}
		proctest.Check(t, s.RemoveObject("q"))
		proctest.WantError(t, "it is gone", s.RemoveObject("q"), fs.ErrNotExist)
		seg = s.Another(t)
		q = proctest.Must(ring.NewMPMC[uint64](seg, "q", 8))(t)
		if err := q.TryPush(8); err != nil || q.Len() != 1 {
			t.Errorf("push to the new ring: %v, %d messages", err, q.Len())
		}
		proctest.Check(t, seg.Close())
		proctest.Check(t, s.RemoveObject("q"))
	}
}
