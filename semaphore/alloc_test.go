package semaphore_test

import (
	"context"
	"testing"

	"github.com/isthmus-go/isthmus/internal/proctest/shared"
	"github.com/isthmus-go/isthmus/semaphore"
)

// TestNoAllocation has no operation allocate, that does not have to wait.
func TestNoAllocation(t *testing.T) {
	s := shared.Named(t)
	sem := newSemaphore(t, s.Segment, 3, nil)
	signals, err := semaphore.New(s.Segment, signalling, 1, &semaphore.Options{Signalling: true})
	if err != nil {
		t.Fatal(err)
	}
	cancellable, cancel := context.WithCancel(context.Background())
	defer cancel()
	for _, test := range []struct {
		name string
		op   func()
	}{
		{"Acquire and Release", func() { sem.Acquire(context.Background(), 2); sem.Release(2) }},
		{"Acquire with a context", func() { sem.Acquire(cancellable, 1); sem.Release(1) }},
		{"TryAcquire and Release", func() { sem.TryAcquire(3); sem.Release(3) }},
		{"TryAcquire in vain", func() { sem.TryAcquire(4) }},
		{"signalling", func() { signals.Acquire(cancellable, 1); signals.Release(1) }},
		{"Value", func() { sem.Value(); sem.Size() }},
	} {
		if n := testing.AllocsPerRun(100, test.op); n != 0 {
			t.Errorf("%s allocates %v times", test.name, n)
		}
	}
}
