package ring_test

import (
	"encoding/binary"
	"fmt"
	"testing"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/ring"
)

// TestCorruptAtEnd has headers near the end of a Bytes whose messages would go past it:
// of the next message, and of one in the middle of a batch.
func TestCorruptAtEnd(t *testing.T) {
	proctest.Mortal(t)
	s := newSegment(t)
	const capacity = 256
	for left := uint64(8); left < capacity/2-8; left += 8 { // after the header in question
		b := proctest.Must(ring.NewBytes(s, fmt.Sprint("bytes", left), capacity))(t)
		at := capacity - left
		b.SetStart(at)
		for _, header := range []uint64{
			1<<63 | (left - 8 + 1),    // one byte too many
			1<<63 | (capacity/2 - 16), // the longest
		} {
			binary.NativeEndian.PutUint64(b.Body()[at:], header)
			c := proctest.Must(b.Consumer())(t)
			_, err := c.TryPop(nil)
			checkIs(t, fmt.Sprintf("pop of header %#x, %d bytes before the end", header, left), err, ring.ErrCorrupt)
			_, err = b.Producer()
			checkIs(t, fmt.Sprintf("producer at header %#x, %d bytes before the end", header, left), err, ring.ErrCorrupt)
			proctest.Check(t, c.Detach())
		}

		b = proctest.Must(ring.NewBytes(s, fmt.Sprint("batch", left), capacity))(t)
		first := at - 16 // of two messages
		b.SetStart(first)
		binary.NativeEndian.PutUint64(b.Body()[first:], 1<<63|8)
		binary.NativeEndian.PutUint64(b.Body()[at:], 1<<63|(left-8+1))
		c := proctest.Must(b.Consumer())(t)
		room := make([]byte, 0, 2*capacity) // for whatever it says
		got, n, err := c.PopInto(background, room, make([]int, 8))
		if err != nil || n != 1 || len(got) != 8 {
			t.Fatalf("a batch whose second message goes past the end: %d messages of %d bytes, %v", n, len(got), err)
		}
		_, err = c.TryPop(nil)
		checkIs(t, "pop of the second", err, ring.ErrCorrupt)
	}
}

// TestBytesCorruptLaps has a ring whose headers go round it: a pop takes no more than there is.
func TestBytesCorruptLaps(t *testing.T) {
	s := newSegment(t)
	r := proctest.Must(ring.NewBytes(s, "laps", 1<<20))(t)
	c := proctest.Must(r.Consumer())(t)
	longest := uint64(r.MaxLen())
	*r.Header(0) = 1<<63 | longest
	*r.Header(longest + 8) = 1<<63 | longest
	*r.Header(2*longest + 16) = 1<<63 | 1<<62 | 16
	b, n, _ := c.PopInto(background, nil, make([]int, 200))
	if len(b) > r.Cap() {
		t.Errorf("%d messages of %d bytes from a ring of %d", n, len(b), r.Cap())
	}
}
