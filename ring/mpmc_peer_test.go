package ring_test

import (
	"testing"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/ring"
)

// TestManyPeers: an MPMC ring is given up only when all who pushed to it are gone, and
// what others have lent came back, or did not.
func TestManyPeers(t *testing.T) {
	proctest.Mortal(t)
	for _, kind := range []string{"MPMC", "BytesMPMC"} {
		t.Run(kind, func(t *testing.T) { testManyPeers(t, kind) })
	}
}

func testManyPeers(t *testing.T, kind string) {
	q := newQueue(t, newSegment(t), kind, "held", peerCapacity, ring.FailOnDeath)
	c := proctest.Must(q.Consumer())(t)
	a, b := startHolder(t, kind, peerCapacity, "producer"), startHolder(t, kind, peerCapacity, "producer")
	do(a, "push", 1)
	do(b, "push", 2)
	expectPop(t, c, q, 1)
	expectPop(t, c, q, 2)
	a.Kill()
	expectPopWaits(t, "Pop, one of two producers dead", c)
	reader := startHolder(t, kind, peerCapacity, "consumer")
	do(b, "push", 3)
	do(reader, "next", 3)
	do(b, "close")
	b.Kill()
	expectPopWaits(t, "Pop, a message lent", c)
	expectAlive(t, q, false, true)
	reader.Kill()
	if n, err := c.Pop(background); err != nil || n != 3 {
		t.Errorf("Pop: %d, %v, want what the dead was lent", n, err)
	}
	_, err := c.Pop(background)
	checkIs(t, "Pop, one producer dead and one gone", err, ring.ErrPeerDied)

	p := proctest.Must(q.Producer())(t)
	proctest.Check(t, p.Push(background, 4))
	expectPop(t, c, q, 4)
	expectPopWaits(t, "Pop, of this process's own pushes", c)
}
