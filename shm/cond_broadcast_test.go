package shm_test

import (
	"slices"
	"testing"

	"github.com/isthmus-go/isthmus/internal/proctest/shared"
	"github.com/isthmus-go/isthmus/shm"
)

// condsBySlot returns the Cond "c" of so many Segments of this process, in the order of slots.
func condsBySlot(t *testing.T, s shared.Segment, n int) (conds []*shm.Cond) {
	t.Helper()
	for range n {
		conds = append(conds, newCond(t, s.Another(t)))
	}
	slices.SortFunc(conds, func(a, b *shm.Cond) int { return a.Slot() - b.Slot() })
	return conds
}

// TestCondSignalInBroadcast sends a Signal while a Broadcast goes on, which has woken x, and
// before it wakes z. Of those who wait then, y has begun in a line that the Broadcast
// has served. It is woken, whom the Broadcast may still wake, and whoever begins after
// the Signal.
func TestCondSignalInBroadcast(t *testing.T) {
	for _, again := range []bool{false, true} { // it is x who begins after the Signal
		s := shared.NamedWith(t, &shm.Options{MaxProcs: 8})
		conds := condsBySlot(t, s, 5)
		x, z, late, b, signaller := conds[0], conds[1], conds[2], conds[3], conds[4]
		if again {
			late = z
		}
		w := begins(t, x)
		signaller.Signal() // the next one goes to a slot behind that of x
		wantEnd(t, w, "woken")

		wx, wz := begins(t, x), begins(t, z)
		end := b.BroadcastHalf()
		wantEnd(t, wx, "woken")
		wy := begins(t, x)
		signaller.Signal()
		wantEnd(t, wz, "woken")
		wl := begins(t, late)
		end()
		wantEnd(t, wl, "woken")
		wantEnd(t, wy, "woken")
		stays(t, x, 0)
		w = begins(t, z)
		stays(t, z, 1)
		signaller.Signal()
		wantEnd(t, w, "woken")
	}
}
