package ring_test

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/internal/wait"
	"github.com/isthmus-go/isthmus/ring"
)

// TestBytesBatchFull fills a ring by a batch, from each place in it: the header behind the
// last message must not take the place of the first.
func TestBytesBatchFull(t *testing.T) {
	s := newSegment(t)
	for start := uint64(0); start < 128; start += 8 {
		r := proctest.Must(ring.NewBytes(s, fmt.Sprint("full", start), 128))(t)
		r.SetStart(start)
		p, c := proctest.Must(r.Producer())(t), proctest.Must(r.Consumer())(t)
		batch := equal(100, 8)
		pushed := proctest.Go(func() error { _, err := p.PushAll(background, batch); return err })
		proctest.Until(t, "the producer sleeps", r.PushWaiting)
		for i, want := range batch {
			got, err := c.TryPop(nil)
			if i >= 4 && err == ring.ErrEmpty { // the producer was full before that
				got, err = c.Pop(background, nil)
			}
			if err != nil || !bytes.Equal(got, want) {
				t.Fatalf("start %d, message %d: popped %x, %v, want %x", start, i, got, err, want)
			}
		}
		proctest.Check(t, proctest.Result(t, pushed))
	}
}

// TestBytesIndexIsNoRoom: how many messages of a record are popped changes neither the room
// nor Len, up to the last.
func TestBytesIndexIsNoRoom(t *testing.T) {
	s := newSegment(t)
	r := proctest.Must(ring.NewBytes(s, "room", 64))(t)
	p, c := proctest.Must(r.Producer())(t), proctest.Must(r.Consumer())(t)
	proctest.Must(p.PushAll(background, equal(512, 0)))(t)
	for range 511 {
		proctest.Must(c.TryPop(nil))(t)
		if n := r.Len(); n != 8 {
			t.Fatalf("Len of a record of empty messages is %d", n)
		}
	}
	n := 1
	for ; p.TryPush(nil) == nil; n++ {
	}
	if want := 64/8 - 1; n != want {
		t.Errorf("the ring is full with %d records, want %d", n, want)
	}
	for ; n > 0; n-- {
		proctest.Must(c.TryPop(nil))(t)
	}
	if _, err := c.TryPop(nil); err != ring.ErrEmpty {
		t.Errorf("after the last message: %v", err)
	}
}

// TestBytesBatchWakes: a pop that frees a record wakes the producer, wherever in a record it
// begins or ends, at the end of positions, and whatever is lent.
func TestBytesBatchWakes(t *testing.T) {
	slice := wait.Slice()
	wait.SetSlice(time.Hour)
	defer wait.SetSlice(slice)
	s := newSegment(t)
	r := proctest.Must(ring.NewBytes(s, "wakes", 1024))(t)
	r.SetStart(1<<58 - 64)
	p, c := proctest.Must(r.Producer())(t), proctest.Must(r.Consumer())(t)
	for round := range scaled(100) {
		proctest.Must(p.PushAll(background, equal(24, 16)))(t) // 8 to a record
		for p.TryPush(nil) == nil {
		}
		pushed := proctest.Go(func() error { return p.Push(background, nil) })
		proctest.Until(t, "the producer sleeps", r.PushWaiting)
		for range round % 3 {
			proctest.Must(c.TryPop(nil))(t)
		}
		for range round % 2 * 20 {
			proctest.Must(c.TryNext())(t)
		}
		_, _, err := c.PopInto(background, nil, make([]int, 8+round%7))
		proctest.Check(t, err)
		proctest.Check(t, proctest.Result(t, pushed))
		for err == nil {
			_, err = c.TryPop(nil)
		}
		checkIs(t, "pop of all", err, ring.ErrEmpty)
	}
}

// TestBytesLentAtEnd lends messages where the positions that a place can show come to their
// end, and pops some that are lent in a batch.
func TestBytesLentAtEnd(t *testing.T) {
	s := newSegment(t)
	r := proctest.Must(ring.NewBytes(s, "lent", 256))(t)
	r.SetStart(1<<58 - 128)
	p, c := proctest.Must(r.Producer())(t), proctest.Must(r.Consumer())(t)
	next := func(n int) {
		t.Helper()
		if got := proctest.Must(c.TryNext())(t); !bytes.Equal(got, numbered(uint64(n), 8)) {
			t.Fatalf("lent %x, want message %d", got, n)
		}
	}
	for range 20 {
		proctest.Must(p.PushAll(background, equal(5, 8)))(t)
		for n := range 3 {
			next(n)
		}
		_, k, err := c.PopInto(background, nil, make([]int, 2))
		if k != 2 || err != nil {
			t.Fatalf("PopInto of two that are lent: %d, %v", k, err)
		}
		next(3)
		proctest.Check(t, c.Release())
		proctest.Check(t, c.Release())
		checkIs(t, "Release of what is not lent", c.Release(), ring.ErrNotReserved)
		next(4)
		proctest.Check(t, c.Release())
	}
}

// TestBytesReservedOver: a reservation is over with a batch, a Commit, and a Detach. A batch
// of a producer that has no role is not pushed.
func TestBytesReservedOver(t *testing.T) {
	s := newSegment(t)
	r := proctest.Must(ring.NewBytes(s, "reserved", 256))(t)
	p, c := proctest.Must(r.Producer())(t), proctest.Must(r.Consumer())(t)
	proctest.Must(p.TryReserve(16))(t)
	proctest.Must(p.PushAll(background, equal(2, 8)))(t)
	checkIs(t, "Commit after a batch", p.Commit(16), ring.ErrNotReserved)
	proctest.Must(p.TryReserve(16))(t)
	proctest.Check(t, p.Commit(16))
	checkIs(t, "Commit after a Commit", p.Commit(16), ring.ErrNotReserved)
	proctest.Must(p.TryReserve(16))(t)
	proctest.Check(t, p.Detach())
	checkIs(t, "Commit after a Detach", p.Commit(16), ring.ErrNotReserved)
	if n, err := p.PushAll(background, equal(2, 8)); n != 0 || err != ring.ErrDetached {
		t.Errorf("PushAll after a Detach: %d, %v", n, err)
	}
	for range 3 {
		proctest.Must(c.TryPop(nil))(t)
	}
	if _, err := c.TryPop(nil); err != ring.ErrEmpty {
		t.Errorf("after the last message: %v", err)
	}
}

// TestBytesCorruptLoop has a ring of headers without an end.
func TestBytesCorruptLoop(t *testing.T) {
	s := newSegment(t)
	r := proctest.Must(ring.NewBytes(s, "loop", 64))(t)
	for pos := uint64(0); pos < 64; pos += 8 {
		*r.Header(pos) = 1 << 63
	}
	_, err := r.Producer()
	checkIs(t, "producer", err, ring.ErrCorrupt)
	if n := r.Len(); n != 0 {
		t.Errorf("Len is %d", n)
	}
}

// TestBytesReadMany has the headers, and the places, that a batch must stop at: they may have
// been overwritten since somebody has looked at them.
func TestBytesReadMany(t *testing.T) {
	const longest = 16
	r := proctest.Must(ring.NewBytes(newSegment(t), "bytes", 64))(t)
	for _, test := range []struct {
		what   string
		header uint64
		index  uint64
		want   int
	}{
		{"all of a record", 1<<63 | 2<<32 | 8, 0, 3},
		{"the last of a record", 1<<63 | 2<<32 | 8, 2, 1},
		{"a place behind the last message", 1<<63 | 2<<32 | 8, 3, 0},
		{"a place in a record of one", 1<<63 | 8, 1, 0},
		{"a record up to the end", 1<<63 | 6<<32 | 8, 0, 7},
		{"a record that goes past the end", 1<<63 | 7<<32 | 8, 0, 0},
		{"the longest message", 1<<63 | longest, 0, 1},
		{"a message too long", 1<<63 | (longest + 1), 0, 0},
		{"padding", 1<<63 | 1<<62 | 8, 0, 0},
		{"a count out of bounds", 1<<63 | 1<<41, 0, 0},
		{"nothing", 0, 0, 0},
	} {
		*r.Header(0) = test.header
		dst, n, _, _ := ring.ReadMany(r.Body(), make([]byte, 0, 64), make([]int, 16), longest, test.index)
		if length := int(test.header & 0xff); n != test.want || len(dst) != n*length {
			t.Errorf("%s: %d messages, of %d bytes, want %d", test.what, n, len(dst), test.want)
		}
	}
}
