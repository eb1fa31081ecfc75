package ring_test

import (
	"sync"
	"sync/atomic"
	"testing"

	"github.com/isthmus-go/isthmus/internal/layout"
	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/ring"
)

// TestByteFlipped pops a message whose length is wrong, while somebody spoils its word and
// puts it right, again and again. Who pops it is not told that it got something.
func TestByteFlipped(t *testing.T) {
	q := proctest.Must(ring.NewBytesMPMC(newSegment(t), "flipped", 1024))(t)
	proctest.Check(t, q.TryPush(make([]byte, 9)))
	word, length := layout.At[uint64](q.Body(), 0), layout.At[uint64](q.Body(), 8)
	w := atomic.LoadUint64(word)
	atomic.StoreUint64(length, 1<<40)
	var wg sync.WaitGroup
	defer wg.Wait()
	var done atomic.Bool
	defer done.Store(true)
	wg.Go(func() {
		for !done.Load() {
			atomic.StoreUint64(word, w|7<<52)
			atomic.StoreUint64(word, w)
		}
	})
	for range 200_000 {
		if _, n, err := q.TryPopSome(nil, make([]int, 1)); err == nil {
			t.Fatalf("popped %d messages where none is whole", n)
		}
	}
}
