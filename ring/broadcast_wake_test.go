package ring_test

import (
	"testing"
	"time"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/internal/proctest/shared"
	"github.com/isthmus-go/isthmus/internal/wait"
	"github.com/isthmus-go/isthmus/ring"
	"github.com/isthmus-go/isthmus/shm"
)

// asleepPush starts a Push, and gives it time to fall asleep. Without it the tests would
// show less, and not fail.
func asleepPush(t *testing.T, b *ring.Broadcast[uint64], p *ring.Producer[uint64], v uint64) <-chan error {
	t.Helper()
	pushed := proctest.Go(func() error { return p.Push(background, v) })
	proctest.Until(t, "Push waits", b.PushWaiting)
	time.Sleep(5 * time.Millisecond)
	return pushed
}

// TestBroadcastWakesSuccessor: who sleeps in a Push of a closed Segment is not the one that
// a pop is for.
func TestBroadcastWakesSuccessor(t *testing.T) {
	proctest.Mortal(t)
	wait.SetSlice(time.Hour)
	newSegment(t)
	former, own := shared.Open(t), shared.Open(t)
	bf, pf := newBroadcast(t, former, 2, ring.Lossless)
	b := proctest.Must(ring.NewBroadcast[uint64](own, "broadcast", 2, ring.Lossless))(t)
	s := subscribe(t, b, ring.FromNow)
	pushRange(t, pf, 0, 2)
	gone := asleepPush(t, bf, pf, 2)
	proctest.Check(t, former.Close())
	pushed := asleepPush(t, b, proctest.Must(b.Producer())(t), 2)
	proctest.Must(s.TryPop())(t)
	proctest.Check(t, proctest.Result(t, pushed))
	checkIs(t, "a Push of a closed Segment", proctest.Result(t, gone), shm.ErrSegmentClosed)
}

// TestBroadcastWakesOnce: once the producer is awake, pops have nothing to do with it.
func TestBroadcastWakesOnce(t *testing.T) {
	b, p := newBroadcast(t, newSegment(t), 64, ring.Lossless)
	s := subscribe(t, b, ring.FromNow)
	pushRange(t, p, 0, 64)
	pushed := asleepPush(t, b, p, 64)
	proctest.Must(s.PopInto(background, make([]uint64, 32)))(t)
	proctest.Check(t, proctest.Result(t, pushed))
	if b.PushWaiting() {
		t.Error("the producer still seems to sleep")
	}
}

// TestBroadcastWakesAtDetach: who leaves wakes the producer that waits for it.
func TestBroadcastWakesAtDetach(t *testing.T) {
	b, p := newBroadcast(t, newSegment(t), 2, ring.Lossless)
	for range 3 {
		s := subscribe(t, b, ring.FromNow)
		pushRange(t, p, 0, 2)
		pushed := asleepPush(t, b, p, 2)
		proctest.Check(t, s.Detach())
		proctest.Check(t, proctest.Result(t, pushed))
	}
}

// TestBroadcastWakesEvicted: who is evicted learns it, also while another subscriber of the
// process waits.
func TestBroadcastWakesEvicted(t *testing.T) {
	b, p := newBroadcast(t, newSegment(t), 2, ring.Lossless)
	first, second := subscribe(t, b, ring.FromNow), subscribe(t, b, ring.FromNow)
	var popped []<-chan error
	for _, s := range []*ring.Subscriber[uint64]{first, second} {
		popped = append(popped, proctest.Go(func() error { _, err := s.Pop(background); return err }))
		proctest.Until(t, "Pop waits", b.PopWaiting)
		time.Sleep(5 * time.Millisecond)
	}
	proctest.Check(t, b.Evict(second.ID()))
	checkIs(t, "Pop of who is evicted", proctest.Result(t, popped[1]), ring.ErrEvicted)
	proctest.Check(t, p.TryPush(1))
	proctest.Check(t, proctest.Result(t, popped[0]))
}
