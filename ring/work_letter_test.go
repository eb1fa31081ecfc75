package ring_test

import (
	"errors"
	"sync"
	"testing"

	"github.com/isthmus-go/isthmus/internal/proctest"
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
