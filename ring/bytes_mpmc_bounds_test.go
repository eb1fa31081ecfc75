package ring_test

import (
	"encoding/binary"
	"fmt"
	"runtime"
	"testing"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/internal/proctest/shared"
	"github.com/isthmus-go/isthmus/internal/ringtest"
	"github.com/isthmus-go/isthmus/ring"
)

// TestByteCaps: who appends to what is reserved, or lent, gets other memory; and what was
// written to the one is in the other.
func TestByteCaps(t *testing.T) {
	q := proctest.Must(ring.NewBytesMPMC(newSegment(t), "caps", 1024))(t)
	for n := range 200 {
		r := proctest.Must(q.TryReserve(n))(t)
		if b := r.Bytes(); len(b) != n || cap(b) != n {
			t.Fatalf("reserved are %d bytes of %d, want %d", len(b), cap(b), n)
		}
		ringtest.Fill(r.Bytes(), uint64(n))
		want := string(r.Bytes()[:n/2])
		checkIs(t, "Commit of less than nothing", r.Commit(-1), ring.ErrTooLarge)
		proctest.Check(t, r.Commit(n/2))
		l := proctest.Must(q.TryNext())(t)
		if b := l.Bytes(); len(b) != n/2 || cap(b) != n/2 {
			t.Fatalf("lent are %d bytes of %d, want %d", len(b), cap(b), n/2)
		} else if string(b) != want {
			t.Fatalf("lent is %x, want %x", b, want)
		}
		proctest.Check(t, l.Release())
	}
}

// TestByteFreed pops some messages of a full ring at once, and pushes more than that.
func TestByteFreed(t *testing.T) {
	s := newSegment(t)
	for popped := range 16 {
		q := proctest.Must(ring.NewBytesMPMC(s, fmt.Sprint(popped), 1024))(t)
		message := func(i int) []byte { return []byte{byte(i)} }
		for i := range 16 {
			proctest.Check(t, q.TryPush(message(i)))
		}
		if popped > 0 {
			_, n, err := q.PopInto(background, nil, make([]int, popped))
			proctest.Check(t, err)
			if n != popped {
				t.Fatalf("popped %d, want %d", n, popped)
			}
		}
		var more [][]byte
		for i := range 16 {
			more = append(more, message(16+i))
		}
		pushed := make(chan error)
		go func() {
			_, err := q.PushAll(background, more)
			pushed <- err
		}()
		for ; q.Len() < q.Cap(); runtime.Gosched() {
		}
		for i := popped; i < 32; i++ {
			if got := proctest.Must(q.Pop(background, nil))(t); string(got) != string(message(i)) {
				t.Fatalf("popped %x after %d, want %x", got, popped, message(i))
			}
		}
		proctest.Check(t, <-pushed)
	}
}

// TestByteLongFreed frees a span of more chunks than a word counts, from each of the chunks
// around a ring's end on, and claims it again.
func TestByteLongFreed(t *testing.T) {
	q := proctest.Must(ring.NewBytesMPMC(newSegment(t), "long", 2048*64))(t)
	for length := q.MaxLen() - 3*64; length <= q.MaxLen(); length += 64 {
		for range 7 {
			b := make([]byte, length)
			ringtest.Fill(b, uint64(length))
			proctest.Check(t, q.TryPush(b))
			if got := proctest.Must(q.TryPop(nil))(t); string(got) != string(b) {
				t.Fatalf("popped other %d bytes than the %d", len(got), length)
			}
			if !q.CheckFree(t) {
				t.Fatal("no chunk counts another")
			}
			proctest.Check(t, q.TryPush(nil))
			proctest.Must(q.TryPop(nil))(t)
		}
	}
}

// TestByteShortened commits a few bytes of what may lie at the ring's beginning, while their
// slot is the last.
func TestByteShortened(t *testing.T) {
	q := proctest.Must(ring.NewBytesMPMC(newSegment(t), "shortened", 1024))(t)
	for round := range 100 {
		var want string
		lens := make([]int, 3)
		for i := range lens {
			r := proctest.Must(q.TryReserve(130))(t)
			ringtest.Fill(r.Bytes(), uint64(3*round+i))
			n := (round + i/2) % 12
			want += string(r.Bytes()[:n])
			proctest.Check(t, r.Commit(n))
		}
		got, n, err := q.PopInto(background, make([]byte, 0, 100), lens)
		proctest.Check(t, err)
		if n != len(lens) || string(got) != want {
			t.Fatalf("popped %d messages, %x, want %x", n, got, want)
		}
		proctest.Check(t, q.TryPush(nil))
		proctest.Must(q.TryPop(nil))(t)
	}
}

// TestByteDeliveriesEnd lends a message that was lent as often as can be counted.
func TestByteDeliveriesEnd(t *testing.T) {
	q := proctest.Must(ring.NewBytesMPMC(newSegment(t), "often", 1024))(t)
	proctest.Check(t, q.TryPush(make([]byte, 100)))
	for lap, before := range []uint64{1<<31 - 2, 1<<31 - 1, 1<<32 - 1} {
		dying := shared.Open(t)
		proctest.Must(proctest.Must(ring.NewBytesMPMC(dying, "often", 1024))(t).TryNext())(t)
		binary.NativeEndian.PutUint64(q.Body()[1024/64*16:], uint64(lap)<<32|before)
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

// TestByteHintRaisedAgain has somebody raise the hint who has seen it before another did. It
// does not stay behind, nor fall back, and who loses a race goes on from there.
func TestByteHintRaisedAgain(t *testing.T) {
	q := proctest.Must(ring.NewBytesMPMC(newSegment(t), "again", 1<<16))(t)
	for i, step := range []struct{ to, pos, head, from uint64 }{
		{16, 8, 16, 16}, {48, 64, 48, 64}, {32, 8, 48, 48}, {50, 49, 48, 49},
	} {
		if from := q.RaiseHead(0, step.to, step.pos); q.Head() != step.head || from != step.from {
			t.Errorf("step %d: the hint is %d, and a walk goes on from %d, want %+v", i, q.Head(), from, step)
		}
	}
}
