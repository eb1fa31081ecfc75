package semaphore_test

import (
	"math"
	"testing"

	"github.com/isthmus-go/isthmus/internal/layout"
	"github.com/isthmus-go/isthmus/semaphore"
)

// TestFits: what one comparison tells is what it stands for, for the extremes of all that
// goes into it.
func TestFits(t *testing.T) {
	const largest = 1<<53 - 1
	for _, size := range []int64{1, 2, largest/2 + 1, largest - 1, largest} {
		for _, free := range []int64{0, 1, size / 2, size - 1, size} {
			for _, slot := range []int{-1, 0, 1, layout.MaxProcs - 1} {
				for _, n := range []int64{math.MinInt64, -largest - 1, -largest, -size - 1, -size, -1, 0, 1, free, size - free, size, size + 1, largest, largest + 1, math.MaxInt64} {
					take, give := semaphore.Fits(size, free, slot, n)
					settled := slot < 0 && n >= 0
					if take != (settled && n <= free) || give != (settled && n <= size-free) {
						t.Errorf("%d of %d free, slot %d inside: take %d fits: %t, give: %t", free, size, slot, n, take, give)
					}
				}
			}
		}
	}
}
