package ring_test

import (
	"testing"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/ring"
	"github.com/isthmus-go/isthmus/shm"
)

// TestSelectDiedAgain uses a Case again that has looked for the dead: what they have left
// is popped first, as by Pop.
func TestSelectDiedAgain(t *testing.T) {
	proctest.Mortal(t)
	s := newSegment(t)
	q := proctest.Must(ring.NewMPMC[uint64](s, "held", 8, ring.FailOnDeath))(t)
	p := startHolder(t, "MPMC", 8, "producer")
	for n := range uint64(2) {
		do(p, "reserve", 0)
		do(p, "push", n)
	}
	p.Kill()
	var v uint64
	pop := q.PopCase(&v)
	for n := range uint64(2) {
		if _, err := shm.Select(background, pop); err != nil || v != n {
			t.Fatalf("got %d, %v, want %d", v, err, n)
		}
	}
	_, err := shm.Select(background, pop)
	checkIs(t, "Select", err, ring.ErrPeerDied)
}
