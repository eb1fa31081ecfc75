package ring_test

import (
	"fmt"
	"testing"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/internal/ringtest"
)

// lateLaps are laps that a ring comes to late or never, a little before some
// part of a word that holds laps, or positions, is used up.
var lateLaps = []uint64{
	1<<18 - 2, 1<<19 - 2, 1<<20 - 2, 1<<31 - 2, 1<<32 - 2, 1<<59 - 2, 1<<61 - 2,
	1<<13 - 2, 1<<14 - 2, 1<<52 - 2,
}

// maxPos is further than any ring comes: positions are compared by the sign of
// their difference.
const maxPos = 1 << 62

// TestLateLaps sends messages through rings that are about to use up something.
func TestLateLaps(t *testing.T) {
	for _, kind := range ringtest.Main {
		for _, capacity := range []int{1, 2, 8} {
			t.Run(fmt.Sprint(kind, "/capacity ", capacity), func(t *testing.T) {
				seed := newSeed(t)
				for _, lap := range lateLaps {
					size := uint64(capacity)
					switch kind {
					case "Bytes":
						size *= 32
					case "BytesMPMC":
						size *= 2 // chunks
					}
					if lap > maxPos/size {
						continue
					}
					start := lap * size
					s := newSegment(t)
					newQueue(t, s, kind, "ends", capacity).SetStart(start)
					q, p, c := ends(t, s, kind, capacity)
					if n := q.Len(); n != 0 {
						t.Fatalf("lap %#x: Len is %d", lap, n)
					}
					rnd := newRand(seed, 0)
					var in, out uint64
					for round := range uint64(12) {
						in += fillUp(t, p, q, in)
						for keep := round % 3; out+keep < in; {
							err := popSome(c, q, modes[rnd.IntN(len(modes))], rnd, func(n uint64) {
								if n != out {
									t.Fatalf("lap %#x: popped %d, want %d", lap, n, out)
								}
								out++
							})
							proctest.Check(t, err)
						}
					}
					for ; out < in; out++ {
						expectPop(t, c, q, out)
					}
					expectEmpty(t, c, q)
				}
			})
		}
	}
}
