package ring_test

import (
	"errors"
	"sync"
	"testing"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/internal/proctest/shared"
	"github.com/isthmus-go/isthmus/ring"
)

// TestAckAgainstNack has an Ack and the last Nack of the same task at once. One of them ends it:
// no message is acknowledged and a dead letter.
func TestAckAgainstNack(t *testing.T) {
	s := newSegment(t)
	dead := newWork(t, s, "dead", 8)
	q := newWork(t, s, "work", 8, ring.MaxDeliveries(1, dead))
	for n := range uint64(scaled(5000)) {
		put(t, q, n)
		task := expectTask(t, q, n, 1)
		var acked error
		var wg sync.WaitGroup
		wg.Go(func() { acked = task.Ack() })
		nacked := task.Nack()
		wg.Wait()
		letter, none := dead.TryGet()
		if none == nil {
			proctest.Check(t, letter.Ack())
		}
		if (acked == nil) == (nacked == nil) || (nacked == nil) != (none == nil) {
			t.Fatalf("message %d: Ack %v, Nack %v, a letter: %v", n, acked, nacked, none == nil)
		}
		checkIs(t, "the other", errors.Join(acked, nacked), ring.ErrNotReserved)
	}
}

// TestLettersStuck leaves dead letters where they are, as there is no room for them. Those who
// pass over them have no consumer look after them each time.
func TestLettersStuck(t *testing.T) {
	s := newSegment(t)
	dead := newWork(t, s, "dead", 2)
	q := newWork(t, s, "work", 128, ring.MaxDeliveries(1, dead))
	put(t, dead, 1, 2)
	for n := range uint64(40) {
		put(t, q, n)
		proctest.Check(t, expectTask(t, q, n, 1).Nack())
	}
	for range 10 * q.Cap() {
		put(t, q, 7)
		if q.Marked() {
			t.Fatal("consumers are told to look for what is stuck")
		}
		proctest.Check(t, expectTask(t, q, 7, 1).Ack())
	}
	expectCounts(t, q, 40, 0)
	for range 2 {
		proctest.Check(t, proctest.Must(dead.TryGet())(t).Ack())
	}
	for range 200 { // which look now and then
		expectNoTask(t, q)
	}
	expectCounts(t, dead, 2, 0)
	expectCounts(t, q, 38, 0)
}

// TestMoverWakes acknowledges a dead letter that somebody dead was moving. It keeps its room until
// the move is over; whoever waits for that room is woken then.
func TestMoverWakes(t *testing.T) {
	q, dead := openWork(t, newSegment(t), true)
	s := shared.Open(t)
	dying, _ := openWork(t, s, true)
	put(t, dying, 1)
	proctest.Check(t, expectTask(t, dying, 1, 1).Nack())
	expectTask(t, dying, 1, 2).BuryHalf(4)
	proctest.Check(t, s.Close())
	proctest.Check(t, expectTask(t, dead, 1, 1).Ack())
	for n := range uint64(workRoom - 1) {
		put(t, dead, n)
	}
	checkIs(t, "TryPut", dead.TryPut(99), ring.ErrFull)
	done := proctest.Go(func() error { return dead.Put(background, 99) })
	proctest.Until(t, "a producer waits", dead.PushWaiting)
	for range 64 { // the last of which looks for the dead
		expectNoTask(t, q)
	}
	proctest.Check(t, proctest.Result(t, done))
	proctest.Check(t, q.Join(background))
}
