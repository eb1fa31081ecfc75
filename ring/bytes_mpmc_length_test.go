package ring_test

import (
	"fmt"
	"testing"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/internal/ringtest"
	"github.com/isthmus-go/isthmus/ring"
)

// TestRuns wants the room that is reserved for a message to be enough, and little more.
func TestRuns(t *testing.T) {
	most := uint64(0)
	for n := uint64(1); n <= 1<<17; n++ {
		got := ring.RunOf(n)
		if got < n || n <= 256 && got != n || 16*(got-n) > n {
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
		if claimed, full := ring.RunInWords(1 << bit); claimed != 1<<bit || full != 1<<bit {
			t.Errorf("words have %d and %d chunks, want %d", claimed, full, 1<<bit)
		}
	}
}

// TestByteLengths pushes messages of all lengths, from everywhere in the ring.
func TestByteLengths(t *testing.T) {
	s := newSegment(t)
	for _, capacity := range []int{1, 128, 256, 1024, 4000} {
		q := proctest.Must(ring.NewBytesMPMC(s, fmt.Sprint(capacity), capacity))(t)
		if want := max(128, 1<<bitsFor(capacity)); q.Cap() != want || q.MaxLen() != want/2 {
			t.Fatalf("Cap is %d and MaxLen %d, of %d", q.Cap(), q.MaxLen(), capacity)
		}
		checkIs(t, "push of too much", q.TryPush(make([]byte, q.MaxLen()+1)), ring.ErrTooLarge)
		_, err := q.TryReserve(-1)
		checkIs(t, "reservation of less than nothing", err, ring.ErrTooLarge)
		for n := range q.MaxLen() + 1 {
			b := make([]byte, n)
			ringtest.Fill(b, uint64(n)*0x9e3779b97f4a7c15)
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
