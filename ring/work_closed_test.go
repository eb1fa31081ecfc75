package ring_test

import (
	"testing"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/internal/proctest/shared"
	"github.com/isthmus-go/isthmus/shm"
)

// TestWorkSegmentClosed uses a queue of a Segment that is closed, or is closed while it waits.
// What was held there is delivered again elsewhere.
func TestWorkSegmentClosed(t *testing.T) {
	proctest.Mortal(t)
	q := newWork(t, newSegment(t), "closed", 2)
	s := shared.Open(t)
	mine, full := newWork(t, s, "closed", 2), newWork(t, s, "full", 2)
	aside := newWork(t, s, "aside", 2) // where a Put may be seen if the memory stays
	put(t, full, 1, 2)
	put(t, q, 1)
	task := expectTask(t, mine, 1, 1)
	task2 := expectTask(t, full, 1, 1)
	var waiting []<-chan error
	for _, w := range []struct {
		op     func() error
		asleep func() bool
	}{
		{func() error { _, err := mine.Get(background); return err }, mine.PopWaiting},
		{func() error { return full.Put(background, 3) }, full.PushWaiting},
		{func() error { return full.Join(background) }, full.JoinWaiting},
	} {
		waiting = append(waiting, proctest.Go(w.op))
		proctest.Until(t, "an operation waits", w.asleep)
	}
	proctest.Check(t, s.Close())
	for _, w := range waiting {
		checkIs(t, "an operation that waited", proctest.Result(t, w), shm.ErrSegmentClosed)
	}
	_, tryGet := mine.TryGet()
	_, get := mine.Get(background)
	for what, err := range map[string]error{
		"TryGet": tryGet, "Get": get, "Ack": task.Ack(), "Nack": task2.Nack(), "Join": mine.Join(background),
		"TryPut": aside.TryPut(1), "Put": full.Put(background, 1), "Close": aside.Close(),
	} {
		checkIs(t, what, err, shm.ErrSegmentClosed)
	}
	if mine.Len() != 0 || full.InFlight() != 0 {
		t.Error("a closed queue has messages")
	}
	proctest.Check(t, wantTask(t, proctest.Must(q.Get(background))(t), 1, 2).Ack())
	proctest.Check(t, q.Join(background))
}
