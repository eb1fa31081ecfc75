package futex_test

import (
	"sync/atomic"
	"testing"

	"github.com/isthmus-go/isthmus/futex"
)

// TestWaitAny changes one of several words, also of more than the kernel can wait
// on, before and during the wait.
func TestWaitAny(t *testing.T) {
	eachMode(t, func(t *testing.T) {
		for _, kind := range contextKinds {
			ctx, cancel := contextOf(kind)
			defer cancel()
			for _, n := range []int{1, 2, 8, 127, 128, 129, 500} {
				for _, i := range []int{0, n / 2, n - 1} {
					words := make([]futex.Word, n)
					for k := range words {
						old := uint32(k)
						words[k] = futex.Word{Addr: new(old), Old: old}
					}
					waiter := start(func() int {
						got, err := futex.WaitAny(ctx, words)
						if err != nil {
							t.Errorf("%s, %d words: %v", kind, n, err)
						}
						return got
					})
					if i != 0 {
						// Often before the other goroutine has run, and with
						// i == 0 nearly always after.
						atomic.AddUint32(words[i].Addr, 1)
						futex.Wake(words[i].Addr, 1)
					} else {
						until(t, "the change is seen", func() bool {
							if len(waiter) == 1 {
								return true
							}
							if futex.Wake(words[i].Addr, 1) == 0 {
								atomic.AddUint32(words[i].Addr, 1)
							}
							return false
						})
					}
					if got := result(t, waiter); got != i {
						t.Errorf("%s, %d words: index %d, expected %d", kind, n, got, i)
					}
				}
			}
		}
	})
}
