package wait

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// A Queue is an Event for what is taken and given back, a lock or permits: whoever
// comes first gets it, but a waiter that has waited for longer than hunger is
// served before all others, in this process and elsewhere. sync.Mutex has the same
// rule. Of the hungry, the one that has waited the longest follows.
//
// The priority word names the processes of two waiters, by their slots plus 1, or 0
// for nobody:
//
//	bits 53-63 first: is served before all others
//	bits 42-52 next:  follows it; 0 if first is
//	bits 21-41 since: what the beat was when the next began to wait
//	bits 0-20  beat:  rises with every change of the word, and wraps around
//
//	0, 0        --a hungry waiter x-->                   x, 0
//	f, n        --x, if n is 0 or began later-->         f, x
//	f, n        --f, from time to time-->                f, n
//	f, n        --f, when served or cancelled-->         n, 0
//	f, n        --n, when cancelled-->                   f, 0
//	f, n        --anybody, if f is dead or the word has
//	              stood still for longer than stale-->   n, 0
//
// Invariants
//
//  1. The word is about order only. However it stands, nothing is lost, and a
//     paused or dead waiter keeps the others out for stale at most, from when they
//     look at it (at every Slice).
//  2. Only who has the Event's turn in its process becomes hungry, so one waiter of
//     each process at most. The others of that process queue behind it.
//  3. Who was refused because of the word is woken when another becomes first, or
//     nobody; who makes itself first looks again after that, so that it is not lost
//     if a waker has not reckoned with it.
//  4. Who was first does not become so again before the next has been, whichever of
//     them runs at the moment: it is one step to give up and to hand over.
//
// Every transition is one compare-and-swap.
//
// Memory orderings. A waker changes the condition, then loads the priority word; a
// hungry waiter changes that word, then runs its fence and tests the condition. The
// fences are those of Event, Invariant 1.
type Queue struct {
	Event
	priority *uint64
	owner    Owner

	mu    sync.Mutex // of what this process has seen of the word
	seen  order      // the word
	since time.Time  // and for how long
}

// Owner is this process's attachment.
type Owner interface {
	Fence
	Slot() int
	SlotFree(slot int) bool // its owner is dead
}

const (
	hunger = time.Millisecond
	stale  = 50 * time.Millisecond
)

// Init makes the process's side of the Queue whose words are given. All handles of
// one object in one process must share it.
func (q *Queue) Init(word *uint32, priority *uint64, owner Owner) {
	q.Event, q.priority, q.owner = NewEvent(word, owner), priority, owner
}

// Barred reports whether a hungry waiter is to be served before all others.
func (q *Queue) Barred() bool { return atomic.LoadUint64(q.priority) >= 1<<firstShift }

// Wake wakes up to n of those who sleep, or all if it may be that not each of them
// can be served. Call it after something was given back, if Waiting.
func (q *Queue) Wake(n int) {
	if q.Barred() {
		n = Everybody
	}
	q.Notify(n)
}

// Await waits until take has taken something. It tells take whether this waiter is
// first; if not, take must fail while the Queue is Barred. See Event.Await.
func (q *Queue) Await(ctx context.Context, take func(first bool) bool, stalled func()) error {
	c := claim{queue: q, start: time.Now(), came: q.load().beat()}
	if !q.Queued() && spin(func() bool { return take(false) }) {
		return nil
	}
	if err := q.enter(ctx); err != nil {
		return err
	}
	defer q.leave()
	defer c.end()
	return q.sleep(ctx,
		func() bool { return take(c.first()) },
		func() { q.DropStale(); stalled() })
}

// DropStale ends the claim of a waiter that is dead or does not move.
func (q *Queue) DropStale() {
	w := q.load()
	if f := w.first(); f != 0 && (q.owner.SlotFree(f-1) || q.exhausted(w)) {
		q.handOver(w)
	}
}

// exhausted reports whether the word has been the same for longer than stale.
func (q *Queue) exhausted(w order) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if w != q.seen {
		q.seen, q.since = w, time.Now()
	}
	return time.Since(q.since) > stale
}

// handOver makes the next the first, and wakes it, or those who were kept out.
func (q *Queue) handOver(w order) {
	if q.swap(w, w.next(), 0, 0) && q.Waiting() {
		q.Notify(Everybody)
	}
	runtime.KeepAlive(q)
}

func (q *Queue) load() order { return order(atomic.LoadUint64(q.priority)) }

// swap changes the word from w.
func (q *Queue) swap(w order, first, next int, since uint64) bool {
	return atomic.CompareAndSwapUint64(q.priority, uint64(w), uint64(makeOrder(first, next, since, w.beat()+1)))
}
