package ring_test

import (
	"testing"
	"time"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/ring"
)

// TestByteShortBeforeLong has a short message wait behind a long one of the same process.
// It goes as soon as there is room for it, while there is none for the long one.
func TestByteShortBeforeLong(t *testing.T) {
	q := proctest.Must(ring.NewBytesMPMC(newSegment(t), "short", 1024))(t)
	for q.TryPush(nil) == nil {
	}
	push := func(n int) <-chan error {
		pushed := proctest.Go(func() error { return q.Push(background, make([]byte, n)) })
		proctest.Until(t, "the producer waits", q.PushWaiting)
		time.Sleep(5 * time.Millisecond) // without it the test would show less, and not fail
		return pushed
	}
	long := push(q.MaxLen())
	short := push(0)
	proctest.Must(q.TryPop(nil))(t)
	proctest.Check(t, proctest.Result(t, short))
	select {
	case err := <-long:
		t.Fatalf("push of a long message to a full ring: %v", err)
	default:
	}
	for range q.Cap() / 64 {
		proctest.Must(q.TryPop(nil))(t)
	}
	proctest.Check(t, proctest.Result(t, long))
}

// TestByteGivenUp has consumers pass long room that was given up. They do so once, and
// not chunk by chunk at every try.
func TestByteGivenUp(t *testing.T) {
	q := proctest.Must(ring.NewBytesMPMC(newSegment(t), "given up", 4096))(t)
	for n := range uint64(5) {
		proctest.Check(t, proctest.Must(q.TryReserve(1000))(t).Cancel())
		_, err := q.TryPop(nil)
		if n%2 == 1 {
			_, err = q.TryNext()
		}
		checkIs(t, "pop of an empty ring", err, ring.ErrEmpty)
		if got, want := q.Head(), 16*(n+1); got != want {
			t.Fatalf("the hint is %d, want %d", got, want)
		}
	}
}
