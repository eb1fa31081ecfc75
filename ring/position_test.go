package ring_test

import (
	"testing"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/internal/proctest/shared"
	"github.com/isthmus-go/isthmus/ring"
)

// A lent message moves the position on, and a successor begins at the first that was not released.
func TestPosition(t *testing.T) {
	r := proctest.Must(ring.NewSPSC[uint64](shared.Named(t).Segment, "p", 8))(t)
	p, c := proctest.Must(r.Producer())(t), proctest.Must(r.Consumer())(t)
	for i := range uint64(3) {
		if p.Position() != i {
			t.Errorf("the producer is at %d, want %d", p.Position(), i)
		}
		proctest.Check(t, p.TryPush(i))
	}
	for i := range uint64(3) {
		if c.Position() != i {
			t.Errorf("the consumer is at %d, want %d", c.Position(), i)
		}
		proctest.Must(c.TryNext())(t)
	}
	proctest.Check(t, c.Release())
	proctest.Check(t, c.Detach())
	proctest.Check(t, p.Detach())
	if n := proctest.Must(r.Consumer())(t).Position(); n != 1 {
		t.Errorf("the next consumer is at %d, want 1", n)
	}
	if n := proctest.Must(r.Producer())(t).Position(); n != 3 {
		t.Errorf("the next producer is at %d, want 3", n)
	}
}
