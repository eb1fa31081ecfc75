package ring_test

import (
	"runtime"
	"testing"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/internal/ringtest"
	"github.com/isthmus-go/isthmus/ring"
	"github.com/isthmus-go/isthmus/shm"
)

// A stack that has grown shrinks in a garbage collection, to where it is copied:
// also that of a goroutine which waits in a push or a pop.

const stackMessages = 20

// page is large enough for a copy of its old place to be seen.
type page = [1024]byte

func pagesOf(c *proctest.Child, s *shm.Segment) *ring.MPMC[page] {
	return proctest.Must(ring.NewMPMC[page](s, "pages", 1))(c)
}

// growStack uses a kilobyte of stack for each level.
//
//go:noinline
func growStack(levels int) (sum byte) {
	var room [1024]byte
	if levels > 0 {
		room[levels%len(room)] = growStack(levels - 1)
	}
	for _, b := range room {
		sum += b
	}
	return sum + 1
}

// collect collects garbage while do runs.
func collect(do func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		do()
	}()
	for {
		select {
		case <-done:
			return
		default:
			runtime.GC()
		}
	}
}

var _ = proctest.Register("chan stacks", parties(
	func(c *proctest.Child, s *shm.Segment) {
		q := pagesOf(c, s)
		collect(func() {
			for n := range uint64(stackMessages) {
				growStack(20)
				c.Check(q.Push(background, ringtest.Pages.Make(n)))
			}
			proctest.Until(c, "the other waits", q.PopWaiting)
			for n := range uint64(stackMessages) {
				c.Check(q.Push(background, ringtest.Pages.Make(n)))
				proctest.Until(c, "the message is popped", func() bool { return q.Len() == 0 })
			}
		})
	},
	func(c *proctest.Child, s *shm.Segment) {
		q := pagesOf(c, s)
		expect := func(n uint64) {
			if v := proctest.Must(q.Pop(background))(c); v != ringtest.Pages.Make(n) {
				c.Fatalf("popped %v, want message %d", v, n)
			}
		}
		collect(func() {
			proctest.Until(c, "the other waits", q.PushWaiting)
			for n := range uint64(stackMessages) {
				expect(n)
			}
			for n := range uint64(stackMessages) {
				growStack(20)
				expect(n)
			}
		})
	},
))

// TestShrinkStackDuringBlockedSend moves the stacks of goroutines that wait to push,
// then of ones that wait to pop.
func TestShrinkStackDuringBlockedSend(t *testing.T) { eachWay(t, "chan stacks", 2) }
