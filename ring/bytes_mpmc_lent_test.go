package ring_test

import (
	"encoding/binary"
	"testing"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/internal/proctest/shared"
	"github.com/isthmus-go/isthmus/ring"
)

// lendElsewhere has another attachment be lent the next message of a ring. The attachment
// dies when it is closed.
func lendElsewhere(t *testing.T, name string, capacity int) (ring.LentBytes, func()) {
	s := shared.Open(t)
	q := proctest.Must(ring.NewBytesMPMC(s, name, capacity))(t)
	return proctest.Must(q.TryNext())(t), func() { proctest.Check(t, s.Close()) }
}

// TestByteLastRelease has a consumer wait in a closed ring for what is lent to another. It is
// told when that is released.
func TestByteLastRelease(t *testing.T) {
	q := proctest.Must(ring.NewBytesMPMC(newSegment(t), "last", 1024))(t)
	proctest.Check(t, q.TryPush(make([]byte, 100)))
	l, leave := lendElsewhere(t, "last", 1024)
	defer leave()
	proctest.Check(t, q.Close())
	popped := proctest.Go(func() error { _, err := q.Pop(background, nil); return err })
	proctest.Until(t, "the consumer waits", q.PopWaiting)
	proctest.Check(t, l.Release())
	checkIs(t, "Pop in the end", proctest.Result(t, popped), ring.ErrClosed)
}

// TestByteRedeliveryWakes has a producer wait for the room of a message that was lent to
// somebody dead, until a consumer has got that.
func TestByteRedeliveryWakes(t *testing.T) {
	q := proctest.Must(ring.NewBytesMPMC(newSegment(t), "dead", 128))(t)
	for n := range 2 {
		proctest.Check(t, q.TryPush([]byte{byte(n)}))
	}
	_, die := lendElsewhere(t, "dead", 128)
	proctest.Must(q.TryPop(nil))(t)
	pushed := proctest.Go(func() error { return q.Push(background, []byte{2}) })
	proctest.Until(t, "the producer waits", q.PushWaiting)
	die()
	for err := ring.ErrEmpty; err == ring.ErrEmpty; {
		var b []byte
		if b, err = q.TryPop(nil); err == nil && b[0] != 0 {
			t.Errorf("popped %d, want what was lent", b[0])
		}
	}
	proctest.Check(t, proctest.Result(t, pushed))
}

// TestByteDeliveriesBegin lends messages twice that lie in the same slots, lap after lap: the
// deliveries of one are no other's.
func TestByteDeliveriesBegin(t *testing.T) {
	q := proctest.Must(ring.NewBytesMPMC(newSegment(t), "begin", 128))(t)
	for n := range 6 {
		proctest.Check(t, q.TryPush(make([]byte, 7+n/2)))
		first, die := lendElsewhere(t, "begin", 128)
		die()
		l := proctest.Must(q.Next(background))(t)
		if first.Deliveries() != 1 || l.Deliveries() != 2 || len(l.Bytes()) != 7+n/2 {
			t.Errorf("message %d of %d bytes was lent %d times, and then %d", n, len(l.Bytes()), first.Deliveries(), l.Deliveries())
		}
		proctest.Check(t, l.Release())
	}
}

// TestByteLentDamaged has a message damaged that was lent to somebody dead: nobody gets it.
func TestByteLentDamaged(t *testing.T) {
	q := proctest.Must(ring.NewBytesMPMC(newSegment(t), "damaged", 1024))(t)
	proctest.Check(t, q.TryPush(make([]byte, 100)))
	_, die := lendElsewhere(t, "damaged", 1024)
	binary.NativeEndian.PutUint64(q.Body()[8:], 129)
	die()
	for range 200 { // some of them look for the dead
		_, err := q.TryPop(nil)
		checkIs(t, "TryPop", err, ring.ErrEmpty)
	}
	for range 200 {
		_, err := q.TryNext()
		checkIs(t, "TryNext", err, ring.ErrEmpty)
	}
}

// TestByteRepairsAll has room of two dead producers in the way: it is freed in one go.
func TestByteRepairsAll(t *testing.T) {
	for _, end := range []string{"head", "tail"} {
		q := proctest.Must(ring.NewBytesMPMC(newSegment(t), end, 1024))(t)
		s := shared.Open(t)
		dying := proctest.Must(ring.NewBytesMPMC(s, end, 1024))(t)
		for range 2 {
			proctest.Must(dying.TryReserve(100))(t)
		}
		proctest.Check(t, s.Close())
		for q.TryPush(nil) == nil {
		}
		if end == "head" {
			q.RepairHead()
			proctest.Must(q.TryPop(nil))(t)
		} else {
			q.RepairTail(200)
			proctest.Check(t, q.TryPush(make([]byte, 200)))
		}
	}
}

// TestByteAllBreak ends a loop over messages whose segment was closed in it. It gets no error.
func TestByteAllBreak(t *testing.T) {
	newSegment(t)
	s := shared.Open(t)
	q := proctest.Must(ring.NewBytesMPMC(s, "all", 1024))(t)
	proctest.Check(t, q.TryPush(nil))
	for _, err := range q.All(background) {
		proctest.Check(t, err)
		proctest.Check(t, s.Close())
		break
	}
}

// TestByteDeliveriesWrap lends a message 2^32 laps after another was lent, and lent again, at
// its place. Nobody was lent it before.
func TestByteDeliveriesWrap(t *testing.T) {
	q := proctest.Must(ring.NewBytesMPMC(newSegment(t), "wrap", 128))(t)
	proctest.Check(t, q.TryPush(nil))
	_, die := lendElsewhere(t, "wrap", 128)
	die()
	proctest.Check(t, proctest.Must(q.Next(background))(t).Release())
	q.SetStart(2 << 32) // as if 2^33 messages had been pushed and popped since, at two a lap
	late := proctest.Must(ring.NewBytesMPMC(shared.Open(t), "wrap", 128))(t)
	proctest.Check(t, late.TryPush(nil))
	if l := proctest.Must(late.TryNext())(t); l.Deliveries() != 1 {
		t.Errorf("what nobody was lent before was lent %d times", l.Deliveries())
	}
}
