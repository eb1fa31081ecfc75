package ring_test

import (
	"testing"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/ring"
)

// TestByteEnd has a producer come to a closed ring that did not look whether it is: once
// a consumer has been told so, nothing is published any more.
func TestByteEnd(t *testing.T) {
	q := proctest.Must(ring.NewBytesMPMC(newSegment(t), "end", 1024))(t)
	proctest.Check(t, q.TryPush(make([]byte, 100)))
	proctest.Check(t, q.Close())
	proctest.Must(q.TryPop(nil))(t)
	for range 2 {
		_, err := q.TryPop(nil)
		checkIs(t, "TryPop in the end", err, ring.ErrClosed)
		q.SetOpen()
		checkIs(t, "TryPush after it", q.TryPush(nil), ring.ErrClosed)
		checkIs(t, "TryPush of a long message", q.TryPush(make([]byte, q.MaxLen())), ring.ErrClosed)
	}
}
