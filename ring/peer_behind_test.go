package ring_test

import (
	"testing"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/ring"
)

// TestToldBehind has a handle with FailOnDeath wait behind one of its process without it,
// which is not told of the death. It is told all the same, and both get what comes.
func TestToldBehind(t *testing.T) {
	proctest.Mortal(t)
	s := newSegment(t)
	q := proctest.Must(ring.NewMPMC[uint64](s, "held", peerCapacity))(t)
	told := proctest.Must(ring.NewMPMC[uint64](s, "held", peerCapacity, ring.FailOnDeath))(t)
	pop := func(q *ring.MPMC[uint64], fail bool) (done chan error) {
		done = make(chan error, 1)
		go func() {
			_, err := q.Pop(background)
			done <- err
		}()
		proctest.Until(t, "Pop waits", func() bool { return q.PopQueued(fail) })
		return done
	}
	p := startHolder(t, "MPMC", peerCapacity, "producer")
	do(p, "push", 7)
	if _, err := told.TryPop(); err != nil {
		t.Fatal(err)
	}
	first, behind := pop(q, false), pop(told, true)
	p.Kill()
	checkIs(t, "Pop with FailOnDeath", <-behind, ring.ErrPeerDied)

	p = startHolder(t, "MPMC", peerCapacity, "producer")
	do(p, "push", 8)
	proctest.Check(t, <-first)
	first, behind = pop(q, false), pop(told, true)
	do(p, "push", 9)
	do(p, "push", 10)
	proctest.Check(t, <-first)
	proctest.Check(t, <-behind)
	p.Kill()
}
