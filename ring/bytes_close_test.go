package ring_test

import (
	"bytes"
	"runtime"
	"sync"
	"testing"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/ring"
	"github.com/isthmus-go/isthmus/shm"
)

// What a Close at each instruction does to an operation is internal/killtest's. Here
// it comes in the middle of a long copy, on any platform.

// long is a message that takes some milliseconds to copy. Helpers, which start by the
// hundred, do not make it.
var long = sync.OnceValue(func() []byte { return bytes.Repeat([]byte{1}, 8<<20) })

// copying is a new segment that is to be closed, with another attachment to it.
type copying struct {
	seg, other *shm.Segment
	p          *ring.BytesProducer // of seg
	c          *ring.BytesConsumer // of seg
	q          *ring.Bytes         // of other
	dst        []byte              // memory of other, for a long message
}

// eachCopying calls do with new segments until it reports that the segment was closed
// in time.
func eachCopying(t *testing.T, do func(c copying) bool) {
	if runtime.GOMAXPROCS(0) == 1 { // nothing preempts a copy
		runtime.GOMAXPROCS(2)
		defer runtime.GOMAXPROCS(1)
	}
	newSegment(t) // for its watchdog, and its directory
	for hit := false; !hit; {
		const name = "copying"
		c := copying{other: proctest.Must(shm.Create(name, 64<<20, nil))(t)}
		c.seg = proctest.Must(shm.Open(name, nil))(t)
		const capacity = 32 << 20
		c.q = proctest.Must(ring.NewBytes(c.other, "q", capacity))(t)
		mine := proctest.Must(ring.NewBytes(c.seg, "q", capacity))(t)
		c.p = proctest.Must(mine.Producer())(t)
		c.c = proctest.Must(mine.Consumer())(t)
		c.dst = proctest.Must(shm.NewArray[byte](c.other, "dst", len(long())))(t).View()
		for range 2 { // then the next message goes to the beginning of the ring
			proctest.Must(c.p.TryReserve(c.q.MaxLen()))(t)
			proctest.Check(t, c.p.Commit(c.q.MaxLen()))
			proctest.Must(c.c.TryNext())(t)
			proctest.Check(t, c.c.Release())
		}
		hit = do(c)
		proctest.Check(t, c.other.Close())
		proctest.Check(t, shm.Remove(name, nil))
	}
}

// closeAt closes the segment once the byte, which is not of the Go heap, is 1: then
// a copy has begun.
func (c copying) closeAt(b *byte) <-chan error {
	begun := make(chan bool)
	closed := proctest.Go(func() error {
		close(begun)
		for *b != 1 {
			runtime.Gosched()
		}
		return c.seg.Close()
	})
	<-begun
	return closed
}

// TestCloseInPushAll wants no message counted whose copy went on in private memory.
func TestCloseInPushAll(t *testing.T) {
	proctest.Mortal(t)
	eachCopying(t, func(c copying) bool {
		closed := c.closeAt(&c.q.Body()[8])
		n, err := c.p.PushAll(background, [][]byte{long()})
		proctest.Check(t, proctest.Result(t, closed))
		if err == nil && n == 1 && c.q.Len() > len(long()) {
			return false
		}
		checkIs(t, "PushAll", err, shm.ErrSegmentClosed)
		if n != 0 && c.q.Len() <= len(long()) {
			t.Fatalf("PushAll counts %d messages, and in the ring are %d bytes", n, c.q.Len())
		}
		return true
	})
}

// TestCloseInPop wants nothing popped but the error.
func TestCloseInPop(t *testing.T) {
	proctest.Mortal(t)
	for what, pop := range map[string]func(c *ring.BytesConsumer, dst []byte) ([]byte, int, error){
		"TryPop": func(c *ring.BytesConsumer, dst []byte) ([]byte, int, error) {
			b, err := c.TryPop(dst)
			return b, 0, err
		},
		"PopInto": func(c *ring.BytesConsumer, dst []byte) ([]byte, int, error) {
			return c.PopInto(background, dst, make([]int, 2))
		},
	} {
		t.Run(what, func(t *testing.T) {
			eachCopying(t, func(c copying) bool {
				proctest.Check(t, c.p.TryPush(long()))
				closed := c.closeAt(&c.dst[0])
				b, n, err := pop(c.c, c.dst[:0])
				proctest.Check(t, proctest.Result(t, closed))
				if err == nil {
					return false
				}
				checkIs(t, what, err, shm.ErrSegmentClosed)
				if len(b) != 0 || n != 0 {
					t.Fatalf("popped %d bytes in %d messages", len(b), n)
				}
				return true
			})
		})
	}
}
