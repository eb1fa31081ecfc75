package ring_test

import (
	"sync"
	"testing"
)

// TestRingAsMutex uses the room in a ring as that in a channel can be used: the
// pop that makes room for a push comes before the end of that push.
func TestRingAsMutex(t *testing.T) {
	const goroutines, turns = 4, 500
	for _, mode := range modes {
		t.Run(mode, func(t *testing.T) {
			q, p, c := ends(t, newSegment(t), "MPMC", 1)
			var count int
			var wg sync.WaitGroup
			for g := range goroutines {
				wg.Go(func() {
					rnd := newRand(1, g)
					for range turns {
						if _, err := pushSome(p, q, mode, rnd, 0, 1); err != nil {
							t.Error(err)
						}
						count++
						if err := popSome(c, q, mode, rnd, func(uint64) {}); err != nil {
							t.Error(err)
						}
					}
				})
			}
			wg.Wait()
			if count != goroutines*turns {
				t.Errorf("count is %d, want %d", count, goroutines*turns)
			}
		})
	}
}
