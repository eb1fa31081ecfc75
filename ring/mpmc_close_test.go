package ring_test

import (
	"fmt"
	"testing"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/internal/proctest/shared"
	"github.com/isthmus-go/isthmus/ring"
)

// TestPushAcrossClose is a Push that has seen the ring open and then slept, until
// others had pushed and popped a lap, closed the ring, and drained it.
func TestPushAcrossClose(t *testing.T) {
	s := newSegment(t)
	other := shared.Open(t) // has its own idea of where to start
	defer other.Close()
	for _, capacity := range []int{1, 2, 4} {
		for laps := range uint64(4) {
			for rest := range uint64(capacity) {
				name := fmt.Sprint(capacity, laps, rest)
				q := proctest.Must(ring.NewMPMC[uint64](s, name, capacity))(t)
				late := proctest.Must(ring.NewMPMC[uint64](other, name, capacity))(t)
				for n := range laps*uint64(capacity) + rest {
					proctest.Check(t, q.TryPush(n))
					proctest.Must(q.TryPop())(t)
				}
				proctest.Check(t, q.Close())
				_, err := q.TryPop()
				checkIs(t, "TryPop", err, ring.ErrClosed)

				for start := range q.Tail() + 1 {
					tail := q.Tail()
					q.SetHints(tail, start)
					q.SetOpen(true) // as the Push has seen it
					if err := late.TryPush(7); err == nil {
						t.Fatalf("capacity %d, closed at %d: a push that began at %d succeeds", capacity, tail, start)
					}
					q.SetOpen(false)
					q.SetHints(tail, tail)
				}
			}
		}
	}
}
