package ring_test

import (
	"errors"
	"testing"

	"github.com/isthmus-go/isthmus/ring"
)

// TestWorkStaleAfterMany gives a message back more often than deliveries are counted: a task
// that was given back is still none of the next holder's.
func TestWorkStaleAfterMany(t *testing.T) {
	q := newWork(t, newSegment(t), "stale", 1)
	if err := q.TryPut(7); err != nil {
		t.Fatal(err)
	}
	for n := range 1100 {
		old, err := q.TryGet()
		if err != nil {
			t.Fatal(n, err)
		}
		if err := old.Nack(); err != nil {
			t.Fatal(n, err)
		}
		now, err := q.TryGet()
		if err != nil {
			t.Fatal(n, err)
		}
		if err := old.Ack(); !errors.Is(err, ring.ErrNotReserved) {
			t.Fatalf("after %d deliveries: Ack of a task that was given back: %v", 2*n+1, err)
		}
		if err := now.Nack(); err != nil {
			t.Fatalf("after %d deliveries: %v", 2*n+2, err)
		}
	}
	now, err := q.TryGet()
	if err != nil || now.Deliveries() != 1023 {
		t.Fatal(now.Deliveries(), err)
	}
	if err := now.Ack(); err != nil {
		t.Fatal(err)
	}
}
