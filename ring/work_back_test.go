package ring_test

import (
	"testing"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/internal/proctest/shared"
)

// TestNackWakesAnother gives two messages back at once. The consumer that looks for them first
// gets one, and another that waits the other: their own wakes may have found it looking.
func TestNackWakesAnother(t *testing.T) {
	q, _ := openWork(t, newSegment(t), false)
	s := shared.Open(t)
	defer s.Close()
	other, _ := openWork(t, s, false)
	put(t, q, 1, 2)
	a, b := expectTask(t, q, 1, 1), expectTask(t, q, 2, 1)
	got := proctest.Go(func() workTask { return proctest.Must(other.Get(background))(t) })
	proctest.Until(t, "another waits", other.PopWaiting)
	a.NackHalf()
	b.NackHalf()
	q.Mark()
	first := proctest.Must(q.TryGet())(t) // mostly message 1: the other may be still awake
	proctest.Check(t, wantTask(t, first, *first.Value(), 2).Ack())
	proctest.Check(t, wantTask(t, proctest.Result(t, got), 3-*first.Value(), 2).Ack())
}

// TestNackIsFair gives a message back again and again. Another that came back is delivered too.
func TestNackIsFair(t *testing.T) {
	q, _ := openWork(t, newSegment(t), false)
	put(t, q, 1, 2, 3)
	a, b, c := expectTask(t, q, 1, 1), expectTask(t, q, 2, 1), expectTask(t, q, 3, 1)
	for _, task := range []workTask{c, b, a} {
		proctest.Check(t, task.Nack())
	}
	seen := map[uint64]bool{}
	for range 3 {
		task := proctest.Must(q.TryGet())(t)
		seen[*task.Value()] = true
		proctest.Check(t, task.Nack())
	}
	if len(seen) != 3 {
		t.Errorf("of three messages, those that came in three deliveries are %v", seen)
	}
}
