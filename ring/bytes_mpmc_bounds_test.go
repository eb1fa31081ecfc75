package ring_test

import (
	"encoding/binary"
	"testing"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/internal/proctest/shared"
	"github.com/isthmus-go/isthmus/ring"
)

// TestByteCaps: who appends to what is reserved, or lent, gets other memory.
func TestByteCaps(t *testing.T) {
	q := proctest.Must(ring.NewBytesMPMC(newSegment(t), "caps", 1024))(t)
	for n := range 200 {
		r := proctest.Must(q.TryReserve(n))(t)
		if b := r.Bytes(); len(b) != n || cap(b) != n {
			t.Fatalf("reserved are %d bytes of %d, want %d", len(b), cap(b), n)
		}
		checkIs(t, "Commit of less than nothing", r.Commit(-1), ring.ErrTooLarge)
		proctest.Check(t, r.Commit(n/2))
		l := proctest.Must(q.TryNext())(t)
		if b := l.Bytes(); len(b) != n/2 || cap(b) != n/2 {
			t.Fatalf("lent are %d bytes of %d, want %d", len(b), cap(b), n/2)
		}
		proctest.Check(t, l.Release())
	}
}

// TestByteDeliveriesEnd lends a message that was lent as often as can be counted.
func TestByteDeliveriesEnd(t *testing.T) {
	q := proctest.Must(ring.NewBytesMPMC(newSegment(t), "often", 1024))(t)
	proctest.Check(t, q.TryPush(make([]byte, 100)))
	for _, before := range []uint64{1<<31 - 2, 1<<31 - 1, 1<<32 - 1} {
		dying := shared.Open(t)
		proctest.Must(proctest.Must(ring.NewBytesMPMC(dying, "often", 1024))(t).TryNext())(t)
		binary.NativeEndian.PutUint64(q.Body()[128:], 100|before<<32)
		proctest.Check(t, dying.Close())
		l := proctest.Must(q.Next(background))(t)
		if len(l.Bytes()) != 100 || l.Deliveries() != 1<<31-1 {
			t.Errorf("%d bytes, lent %d times, and before %d", len(l.Bytes()), l.Deliveries(), before)
		}
		proctest.Check(t, l.Release())
		proctest.Check(t, q.TryPush(make([]byte, 100)))
		for range 7 { // on to the first chunk, where the test looks
			proctest.Check(t, q.TryPush(make([]byte, 100)))
			proctest.Must(q.TryPop(nil))(t)
		}
	}
}

// TestByteHeldForAges gives back what was held so long ago that the word at its place is
// the same again.
func TestByteHeldForAges(t *testing.T) {
	q := proctest.Must(ring.NewBytesMPMC(newSegment(t), "ages", 128))(t)
	hold := func() (ring.ReservedBytes, ring.LentBytes) {
		r := proctest.Must(q.TryReserve(0))(t)
		proctest.Check(t, r.Commit(0))
		return r, proctest.Must(q.TryNext())(t)
	}
	r, l := hold()
	proctest.Check(t, l.Release())
	for range 2<<14 - 1 { // two messages a lap
		proctest.Check(t, q.TryPush(nil))
		proctest.Must(q.TryPop(nil))(t)
	}
	now := proctest.Must(q.TryReserve(0))(t)
	checkIs(t, "Commit of what was committed", r.Commit(0), ring.ErrNotReserved)
	checkIs(t, "Cancel of what was committed", r.Cancel(), ring.ErrNotReserved)
	proctest.Check(t, now.Commit(0))
	lent := proctest.Must(q.TryNext())(t)
	checkIs(t, "Release of what was released", l.Release(), ring.ErrNotReserved)
	proctest.Check(t, lent.Release())
}

// TestByteLateHint has a pop find nothing at a place that others have long passed. The
// hint stays.
func TestByteLateHint(t *testing.T) {
	q := proctest.Must(ring.NewBytesMPMC(newSegment(t), "late", 1024))(t)
	for range 20 {
		proctest.Check(t, q.TryPush(nil))
		proctest.Must(q.TryPop(nil))(t)
	}
	head := q.Head()
	if q.NotPopped(0); q.Head() != head || head == 0 {
		t.Errorf("the hint is %d, and was %d", q.Head(), head)
	}
}
