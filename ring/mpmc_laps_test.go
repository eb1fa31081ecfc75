package ring_test

import (
	"fmt"
	"testing"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/internal/proctest/shared"
)

// TestKilledInLateLaps has writers and readers die in each of the laps around a
// wrap.
func TestKilledInLateLaps(t *testing.T) {
	proctest.Mortal(t)
	for _, lap := range lateLaps {
		if lap > maxPos/killCapacity {
			continue
		}
		t.Run(fmt.Sprintf("lap %#x", lap), func(t *testing.T) {
			s := newSegment(t)
			q := newKillRing(t, s, "MPMC")
			q.SetStart(lap * killCapacity)
			for range 4 {
				for _, what := range []string{"writing", "freeing", "reading", "lending"} {
					dying := shared.Open(t)
					d := newKillRing(t, dying, "MPMC")
					switch what {
					case "writing":
						step{"claim", 5, 2}.take(t, d)
					case "freeing":
						q.pushMany(t, 0, killCapacity)
						step{"take", 5, 2}.take(t, d)
					case "reading", "lending":
						q.pushMany(t, 9, 10)
						step{"next", 9, 0}.take(t, d)
					}
					proctest.Check(t, dying.Close())
					switch what {
					case "freeing":
						for n := uint64(5); n < killCapacity; n++ {
							q.popOne(t, n)
						}
						proctest.Check(t, q.Push(background, 8))
						q.popOne(t, 8)
					case "reading":
						q.popOne(t, 9)
					case "lending":
						l := proctest.Must(q.Next(background))(t)
						if l.N != 9 {
							t.Fatalf("lent %d", l.N)
						}
						proctest.Check(t, l.Release())
					}
					q.goOn(t)
				}
			}
		})
	}
}
