package wait

import (
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/isthmus-go/isthmus/internal/layout"
)

// attachment is a process whose slot is its number.
type attachment struct {
	slot int
	dead *[4]bool
}

func (a attachment) Barrier() bool       { return true }
func (a attachment) Slot() int           { return a.slot }
func (a attachment) SlotFree(s int) bool { return s >= len(a.dead) || a.dead[s] }

// world is a queue as four processes see it, and a waiter of each of them.
type world struct {
	t        *testing.T
	events   atomic.Uint64
	priority atomic.Uint64 // aligned
	dead     [4]bool
	queues   [4]Queue
	claims   [4]claim
}

func newWorld(t *testing.T) *world {
	w := &world{t: t}
	for i := range w.queues {
		w.queues[i].Init(eventsOf(&w.events), wordOf(&w.events), wordOf(&w.priority), attachment{i, &w.dead}, true)
	}
	return w
}

// come has waiters come, one after the other, and be hungry. It lets the beat go
// on between them, as it does while others are served.
func (w *world) come(slots ...int) {
	for _, i := range slots {
		q := &w.queues[i]
		w.claims[i] = claim{queue: q, start: time.Now().Add(-2 * hunger), came: q.load().beat()}
		o := q.load()
		q.swap(o, o.first(), o.next(), o.since())
	}
}

// look has waiters look whether they are first, and wants those who are.
func (w *world) look(slots []int, want ...int) {
	w.t.Helper()
	var first []int
	for _, i := range slots {
		if w.claims[i].first() {
			first = append(first, i)
		}
	}
	if !slices.Equal(first, want) {
		w.t.Errorf("of %v %v are first, expected %v", slots, first, want)
	}
}

// TestOrder has four waiters look in the wrong order: who has waited the longest is
// served after the one that was first already.
func TestOrder(t *testing.T) {
	w := newWorld(t)
	w.priority.Store(uint64(makeOrder(0, 0, 0, beatMask-2))) // it wraps around meanwhile
	w.come(1, 0, 2, 3)
	w.look([]int{3, 2, 0, 1}, 3)
	w.claims[3].end(true)
	w.come(3)
	w.look([]int{3, 2, 0, 1}, 1)
	w.look([]int{1}, 1)
	w.claims[1].end(true)
	w.look([]int{3, 2, 0}, 0)
	w.claims[2].end(true) // cancelled
	w.look([]int{3}, []int{}...)
	w.claims[0].end(true)
	w.look([]int{3}, 3)
	w.claims[3].end(true)
	if w.queues[0].Barred() {
		t.Error("somebody is first in the end")
	}
}

// TestHandedOver has one who was first come back before the next has looked.
func TestHandedOver(t *testing.T) {
	w := newWorld(t)
	w.come(0, 1)
	w.look([]int{0, 1}, 0)
	for range 3 {
		w.claims[0].end(true)
		w.come(0)
		w.look([]int{0}, []int{}...)
		w.look([]int{1}, 1)
		w.claims[1].end(true)
		w.come(1)
		w.look([]int{1}, []int{}...)
		w.look([]int{0}, 0)
	}
}

// TestDropped has those who are first and next die, and stand still.
func TestDropped(t *testing.T) {
	w := newWorld(t)
	w.come(0, 1, 2)
	w.look([]int{0, 1}, 0)
	w.dead[0], w.dead[1] = true, true
	w.queues[2].DropStale()
	w.queues[2].DropStale()
	w.look([]int{2}, 2)
	for start := time.Now(); w.queues[3].Barred(); w.queues[3].DropStale() {
		if time.Since(start) > time.Minute {
			t.Fatal("a waiter that stands still stays first")
		}
	}
	w.look([]int{2}, 2) // it moves again
}

// TestSpoilt has the word name a slot that there is not.
func TestSpoilt(t *testing.T) {
	w := newWorld(t)
	w.priority.Store(^uint64(0))
	for w.queues[0].Barred() {
		w.queues[0].DropStale()
	}
	w.priority.Store(uint64(makeOrder(layout.MaxProcs, 2, 0, 0)))
	w.come(1)
	w.queues[0].DropStale()
	w.look([]int{1}, 1)
}
