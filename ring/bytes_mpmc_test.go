package ring_test

import (
	"encoding/binary"
	"fmt"
	"testing"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/ring"
)

// TestRuns wants the room that is reserved for a message to be enough, and little more.
func TestRuns(t *testing.T) {
	most := uint64(0)
	for n := uint64(1); n <= 1<<17; n++ {
		got := ring.RunOf(n)
		if got < n || n <= 32 && got != n || 16*(got-n) > n {
			t.Fatalf("%d chunks are reserved for %d", got, n)
		}
		if got < most {
			t.Fatalf("%d chunks are reserved for %d, and %d for less", got, n, most)
		}
		most = got
	}
	for bit := range uint64(24) { // so the longest message is half the ring, exactly
		if got := ring.RunOf(1 << bit); got != 1<<bit {
			t.Errorf("%d chunks are reserved for %d", got, 1<<bit)
		}
	}
}

// TestByteLengths pushes messages of all lengths, from everywhere in the ring.
func TestByteLengths(t *testing.T) {
	s := newSegment(t)
	for _, capacity := range []int{1, 128, 256, 1024, 4000} {
		q := proctest.Must(ring.NewBytesMPMC(s, fmt.Sprint(capacity), capacity))(t)
		if want := max(128, 1<<bitsFor(capacity)); q.Cap() != want || q.MaxLen() != want/2-8 {
			t.Fatalf("Cap is %d and MaxLen %d, of %d", q.Cap(), q.MaxLen(), capacity)
		}
		checkIs(t, "push of too much", q.TryPush(make([]byte, q.MaxLen()+1)), ring.ErrTooLarge)
		_, err := q.TryReserve(-1)
		checkIs(t, "reservation of less than nothing", err, ring.ErrTooLarge)
		for n := range q.MaxLen() + 1 {
			b := make([]byte, n)
			fill(b, uint64(n)*0x9e3779b97f4a7c15)
			r := proctest.Must(q.TryReserve(min(q.MaxLen(), 60)))(t)
			checkIs(t, "Commit of too much", r.Commit(len(r.Bytes())+1), ring.ErrTooLarge)
			if n%2 == 0 { // the next begins at another chunk
				proctest.Check(t, r.Cancel())
			} else {
				proctest.Check(t, r.Commit(0))
				if got := proctest.Must(q.TryPop(nil))(t); len(got) != 0 {
					t.Fatalf("popped %x, want nothing", got)
				}
			}
			proctest.Check(t, q.TryPush(b))
			if got := proctest.Must(q.TryPop([]byte("ab")))(t); string(got) != "ab"+string(b) {
				t.Fatalf("popped %x, want %x", got, b)
			}
			if q.Len() != 0 {
				t.Fatalf("Len of an empty ring is %d", q.Len())
			}
		}
	}
}

func bitsFor(n int) (bits int) {
	for 1<<bits < n {
		bits++
	}
	return bits
}

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

// TestByteNotReserved commits and releases what was never reserved or lent, or long ago.
func TestByteNotReserved(t *testing.T) {
	q := proctest.Must(ring.NewBytesMPMC(newSegment(t), "wide", 1024))(t)
	var none ring.ReservedBytes
	r, err := none, error(nil)
	for n := 0; err == nil; n++ {
		if none, err = q.TryReserve(100); err == nil {
			r = none
			proctest.Check(t, r.Commit(n))
		}
	}
	checkIs(t, "TryReserve", err, ring.ErrFull)
	checkIs(t, "Commit of a failed TryReserve", none.Commit(0), ring.ErrNotReserved)
	checkIs(t, "Cancel of a failed TryReserve", none.Cancel(), ring.ErrNotReserved)
	checkIs(t, "second Commit", r.Commit(1), ring.ErrNotReserved)
	checkIs(t, "Cancel after Commit", r.Cancel(), ring.ErrNotReserved)
	l := proctest.Must(q.TryNext())(t)
	proctest.Check(t, l.Release())
	checkIs(t, "second Release", l.Release(), ring.ErrNotReserved)
	proctest.Must(q.TryNext())(t)
	checkIs(t, "Release of an earlier one", l.Release(), ring.ErrNotReserved)
}

// TestByteCorrupt has the damage that is noticed.
func TestByteCorrupt(t *testing.T) {
	proctest.Mortal(t)
	s := newSegment(t)
	pops := map[string]func(q *ring.BytesMPMC) error{
		"TryPop":  func(q *ring.BytesMPMC) error { _, err := q.TryPop(nil); return err },
		"Pop":     func(q *ring.BytesMPMC) error { _, err := q.Pop(background, nil); return err },
		"PopInto": func(q *ring.BytesMPMC) error { _, _, err := q.PopInto(background, nil, make([]int, 2)); return err },
		"TryNext": func(q *ring.BytesMPMC) error { _, err := q.TryNext(); return err },
		"Next":    func(q *ring.BytesMPMC) error { _, err := q.Next(background); return err },
	}
	for i, length := range []uint64{121, 505, 1 << 20, 1 << 40, 1 << 63, ^uint64(0)} {
		q := proctest.Must(ring.NewBytesMPMC(s, fmt.Sprint("length", i), 1024))(t)
		proctest.Check(t, q.TryPush(make([]byte, 100)))
		binary.NativeEndian.PutUint64(q.Body()[128:], length)
		for what, pop := range pops {
			checkIs(t, fmt.Sprintf("%s of length %#x", what, length), pop(q), ring.ErrCorrupt)
		}
	}
	q := proctest.Must(ring.NewBytesMPMC(s, "ahead", 1024))(t)
	setWide(q, 0, 100)
	for what, pop := range pops {
		checkIs(t, what+" with a head that is ahead", pop(q), ring.ErrCorrupt)
	}
}
