package shm_test

import (
	"runtime"
	"testing"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/internal/proctest/shared"
	"github.com/isthmus-go/isthmus/shm"
)

// TestHandlesKeepSegment uses objects whose Segment nobody else refers to.
func TestHandlesKeepSegment(t *testing.T) {
	s := shared.Named(t)
	open := func() (*shm.Lock, *shm.Value[int], *shm.Array[uint8]) {
		seg, err := shm.Open(shared.Name, nil)
		if err != nil {
			t.Fatal(err)
		}
		return newLock(t, seg, "mu"), shared.Value[int](t, seg, "value"), newArray[uint8](t, seg, "array", 3)
	}
	mu, v, a := open()
	mine, other := newLock(t, s.Segment, "mu"), shared.Value[int](t, s.Segment, "value")
	for i := range 10 {
		runtime.GC()
		mu.Lock()
		v.Store(i)
		a.Store(1, uint8(i))
		if mine.TryLock() || other.Load() != i || a.Load(1) != uint8(i) {
			t.Fatal("the objects do not reach the segment")
		}
		mu.Unlock()
	}
}

// TestUnreachable drops a Segment and all objects in it, with a lock held: it is
// closed, and the lock is free.
func TestUnreachable(t *testing.T) {
	s := shared.Named(t)
	func() {
		seg, err := shm.Open(shared.Name, nil)
		if err != nil {
			t.Fatal(err)
		}
		newLock(t, seg, "mu").Lock()
	}()
	mu := newLock(t, s.Segment, "mu")
	proctest.Until(t, "the lock is free", func() bool {
		runtime.GC()
		return mu.TryLock()
	})
}
