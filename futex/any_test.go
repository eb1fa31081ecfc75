package futex_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/isthmus-go/isthmus/futex"
	"github.com/isthmus-go/isthmus/internal/proctest"
)

// unchanged returns n words, of which none differs.
func unchanged(n int) []futex.Word {
	words := make([]futex.Word, n)
	for i := range words {
		old := uint32(i)
		words[i] = futex.Word{Addr: new(old), Old: old}
	}
	return words
}

// TestWaitAny changes one of several words, also of more than the kernel can wait
// on, shortly before or after the wait begins.
func TestWaitAny(t *testing.T) {
	eachMode(t, func(t *testing.T) {
		for _, kind := range contextKinds {
			ctx, cancel := contextOf(kind)
			defer cancel()
			for _, n := range []int{1, 2, 8, 127, 128, 129, 500} {
				short, cancel := context.WithTimeout(ctx, time.Millisecond)
				defer cancel()
				if _, err := futex.WaitAny(short, unchanged(n)); err != context.DeadlineExceeded {
					t.Errorf("%s, %d words: %v", kind, n, err)
				}
				for _, i := range []int{0, n / 2, n - 1} {
					words := unchanged(n)
					waiter := proctest.Go(func() int {
						got, err := futex.WaitAny(ctx, words)
						if err != nil {
							t.Errorf("%s, %d words: %v", kind, n, err)
						}
						return got
					})
					atomic.AddUint32(words[i].Addr, 1)
					futex.Wake(words[i].Addr, 1)
					if got := proctest.Result(t, waiter); got != i {
						t.Errorf("%s, %d words: index %d, expected %d", kind, n, got, i)
					}
				}
			}
		}
	})
}
