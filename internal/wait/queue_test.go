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

func (a attachment) Barrier() bool               { return true }
func (a attachment) Census(time.Duration) uint64 { return 0 }
func (a attachment) Slot() int                   { return a.slot }
func (a attachment) Closed() bool                { return false }
func (a attachment) SlotFree(s int) bool         { return s >= len(a.dead) || a.dead[s] }

// world is a queue as four processes see it, and a waiter of each of them.
type world struct {
	t      *testing.T
	_      [0]atomic.Uint64 // aligns words on 32-bit platforms
	words  Words
	dead   [4]bool
	queues [4]Queue
	claims [4]claim
}

func newWorld(t *testing.T) *world {
	w := &world{t: t}
	for i := range w.queues {
		w.queues[i].Init(&w.words, attachment{i, &w.dead}, true)
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
		q.swap(o, makeOrder(o.first(), o.next(), o.since(), o.beat()+1))
	}
}

// look has waiters look whether they are first, and wants those who are.
func (w *world) look(slots []int, want ...int) {
	w.t.Helper()
	var first []int
	for _, i := range slots {
		if c := &w.claims[i]; c.first() || c.apply() {
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
	atomic.StoreUint64(&w.words.priority, uint64(makeOrder(0, 0, 0, beatMask-2))) // it wraps around meanwhile
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
		if time.Since(start) > patience {
			t.Fatal("a waiter that stands still stays first")
		}
	}
	w.look([]int{2}, 2) // it moves again
}

// TestSpoilt has the word name a slot that there is not.
func TestSpoilt(t *testing.T) {
	w := newWorld(t)
	atomic.StoreUint64(&w.words.priority, ^uint64(0))
	for w.queues[0].Barred() {
		w.queues[0].DropStale()
	}
	atomic.StoreUint64(&w.words.priority, uint64(makeOrder(layout.MaxProcs, 2, 0, 0)))
	w.come(1)
	w.queues[0].DropStale()
	w.look([]int{1}, 1)
}

// TestGivenUp has the first stand still while others come, wait as the next, and give
// up: they do not make it look alive.
func TestGivenUp(t *testing.T) {
	w := newWorld(t)
	w.come(0)
	w.look([]int{0}, 0)
	proof := w.queues[0].load().proof()
	for range 3 {
		q := &w.queues[1]
		w.claims[1] = claim{queue: q, start: time.Now().Add(-2 * hunger), came: q.load().beat()}
		w.look([]int{1})
		if n := q.load().next(); n != 2 {
			t.Fatalf("slot %d is next, expected 1", n-1)
		}
		w.claims[1].end(false)
		if q.load().proof() != proof {
			t.Error("the first has moved")
		}
	}
}

// TestOld has the next wait for longer than beats can tell: it stays before those who
// come later.
func TestOld(t *testing.T) {
	w := newWorld(t)
	w.come(0, 1)
	w.look([]int{0, 1}, 0)
	for range beatMask/2 + 5 {
		o := w.queues[0].load()
		w.queues[0].swap(o, makeOrder(o.first(), o.next(), o.since(), o.beat()+1))
		if age(o, o.since()) > beatMask/2-2 {
			w.look([]int{1}) // it looks again at each Slice
		}
	}
	w.come(2)
	w.look([]int{2})
	if n := w.queues[0].load().next(); n != 2 {
		t.Errorf("slot %d is next, expected 1", n-1)
	}
}

// TestLeftBehind makes a handle in a slot whose earlier owner is named: nobody waits
// for that one any more.
func TestLeftBehind(t *testing.T) {
	w := newWorld(t)
	w.come(0, 1)
	w.look([]int{0, 1}, 0)
	for i := range 2 {
		var q Queue
		q.Init(&w.words, attachment{i, &w.dead}, true)
	}
	if w.queues[2].Barred() {
		t.Error("barred by who is gone")
	}
}
