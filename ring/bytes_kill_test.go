package ring_test

import (
	"bytes"
	"testing"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/internal/proctest/shared"
	"github.com/isthmus-go/isthmus/ring"
)

// The half committer dies before the last store of a Commit: that of the padding
// if the message went behind some.
var _ = proctest.Register("half committer", func(c *proctest.Child) {
	r := proctest.Must(ring.NewBytes(shared.Open(c), "half", 256))(c)
	p := proctest.Must(r.Producer())(c)
	b := proctest.Must(p.TryReserve(r.MaxLen()))(c)
	copy(b, bytes.Repeat([]byte("x"), len(b)))
	c.Send("padded", p.WriteUncommitted(len(b)))
	c.Recv()
})

func TestBytesProducerKilledAtPadding(t *testing.T) {
	proctest.Mortal(t)
	s := newSegment(t)
	r := proctest.Must(ring.NewBytes(s, "half", 256))(t)
	c := proctest.Must(r.Consumer())(t)
	var padded int
	for _, used := range []int{0, 8, 100, 96, 24, 104, 80, 0, 112, 56} {
		p := proctest.Must(r.Producer())(t)
		proctest.Check(t, p.TryPush(make([]byte, used)))
		if got := proctest.Must(c.TryPop(nil))(t); len(got) != used {
			t.Fatalf("popped %d bytes, want %d", len(got), used)
		}
		proctest.Check(t, p.Detach())
		dying := proctest.Start(t, "half committer")
		if dying.Recv() == "padded true" {
			padded++
		}
		dying.Kill()
		if _, err := c.TryPop(nil); err != ring.ErrEmpty || r.Len() != 0 {
			t.Fatalf("what was not committed is there: %v, Len %d", err, r.Len())
		}
	}
	if padded == 0 {
		t.Error("no message went behind padding")
	}
}
