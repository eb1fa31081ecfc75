package ring_test

import (
	"testing"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/ring"
)

// TestByteTriesInTurn has one handle try to push and to pop in turn, while a dead
// process's room is in the way: it has to look for the dead from both sides.
func TestByteTriesInTurn(t *testing.T) {
	proctest.Mortal(t)
	for _, first := range []int{0, 1} { // whether a pop or a push has the even numbers
		q := newKillRing(t, newSegment(t), "BytesMPMC").bytes()
		for q.TryPush(make([]byte, 100)) == nil {
		}
		proctest.Must(q.TryPop(nil))(t) // so that they are not where the next pop looks
		newVictim(t, "BytesMPMC", step{"take bytes", 1, 99}).Kill()
		for {
			if _, err := q.TryPop(nil); err == ring.ErrEmpty {
				break
			}
		}
		for range first {
			q.TryPop(nil)
		}
		long := make([]byte, q.MaxLen())
		tries := 0
		for ; q.TryPush(long) != nil; tries++ {
			if _, err := q.TryPop(nil); err != ring.ErrEmpty {
				t.Fatalf("TryPop of an empty ring: %v", err)
			}
			if tries > 1000 {
				t.Fatal("nobody looks for the dead")
			}
		}
		if tries == 0 {
			t.Fatal("the dead were not in the way")
		}
	}
}
