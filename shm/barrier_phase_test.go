package shm_test

import (
	"testing"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/internal/proctest/shared"
	"github.com/isthmus-go/isthmus/shm"
)

// TestBarrierLate has a waiter that is slow to look find out how its phase ended, whatever
// happened since.
func TestBarrierLate(t *testing.T) {
	s := shared.Named(t)
	b := newBarrier(t, s.Segment, 2)
	for range proctest.Scaled(200) {
		w := barrierWaits(b)
		untilWaiting(t, b, 1)
		b.Abort()
		b.Reset() // w may not have looked yet
		wantEnd(t, w, "broken")
		v := barrierWaits(b)
		if got := [2]any{barrierEnd(b), proctest.Result(t, v)}; got != [2]any{"leader", "done"} && got != [2]any{"done", "leader"} {
			t.Fatalf("%v", got)
		}
	}
}

// TestBarrierTold has phases end, break, and be reset, before those who came look.
func TestBarrierTold(t *testing.T) {
	s := shared.Named(t)
	b, other := newBarrier(t, s.Segment, 2), newBarrier(t, s.Another(t), 2)
	ended := b.Come()
	other.Come()
	broken := b.Come()
	b.Abort()
	if b.Broke(ended) || !b.Broke(broken) {
		t.Errorf("told that phases %d and %d broke: %v, %v", ended, broken, b.Broke(ended), b.Broke(broken))
	}
	b.Reset()
	for range 3 {
		phase := b.Come()
		other.Come()
		if b.Broke(phase) || !b.Broke(broken) {
			t.Errorf("told that phases %d and %d broke: %v, %v", phase, broken, b.Broke(phase), b.Broke(broken))
		}
	}
	broken = b.Come()
	b.ResetHalf()
	if !b.Broke(broken) {
		t.Error("told that a phase ended that is about to be reset")
	}
}

// TestBarrierAbsent has a process come in one phase, and others, in its place, in the next
// ones: it counts in its own.
func TestBarrierAbsent(t *testing.T) {
	s := shared.Named(t)
	b, x, y := newBarrier(t, s.Segment, 2), newBarrier(t, s.Another(t), 2), newBarrier(t, s.Another(t), 2)
	for range 2 { // an even and an odd phase
		for _, other := range []*shm.Barrier{x, y, y} {
			w := barrierWaits(b)
			untilWaiting(t, b, 1)
			wantMet(t, barrierEnd(other), proctest.Result(t, w))
		}
	}
}

// TestBarrierLeaderIsTold has the others reset the barrier as soon as they are woken: the
// leader, who is still at that, is told that it is one.
func TestBarrierLeaderIsTold(t *testing.T) {
	const crowd = 8
	s := shared.Named(t)
	b := newBarrier(t, s.Segment, crowd)
	for range proctest.Scaled(200) {
		var others []<-chan any
		for range crowd - 1 {
			others = append(others, proctest.Go(func() any {
				defer b.Reset()
				return barrierEnd(b) // "broken" if another has reset it before
			}))
		}
		untilWaiting(t, b, crowd-1)
		wantEnd(t, proctest.Go(func() any { return barrierEnd(b) }), "leader")
		for _, w := range others {
			proctest.Result(t, w)
		}
	}
}
