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
// The first and the next sleep on an Event of their own, ahead of those behind, so that
// only they are woken while nobody else would be served.
//
// Invariants
//
//  1. The priority word is about order only. However it stands, nothing is lost, and a
//     paused or dead waiter keeps the others out for stale at most, from when they
//     look at it (at every Slice).
//  2. Only who has the turn in its process becomes hungry, so one waiter of each process
//     at most. The others of that process queue behind it.
//  3. Who sleeps ahead was named by the word after it had armed that Event; and who
//     changes the word so that somebody is not named any more, or becomes first, wakes
//     those who sleep ahead. Who makes the first nobody wakes those behind as well, if
//     they were refused what may be there. Who makes itself first looks again after
//     that, so that it is not lost if a waker has not reckoned with it.
//  4. Who was first does not become so again before the next has been, whichever of
//     them runs at the moment: it is one step to give up and to hand over.
//
// Every transition is one compare-and-swap.
//
// Memory orderings. A waker changes the condition, then loads the words of the Events
// and the priority word; a hungry waiter changes that word, then runs its fence and
// tests the condition. The fences are those of Event, Invariant 1.
type Queue struct {
	ahead, behind Event
	words         *uint64 // of both
	priority      *uint64
	owner         Owner
	shared        bool // several may hold what is taken, at one time

	mu    sync.Mutex // of what this process has seen of the priority word
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

// Init makes the process's side of the Queue whose words are given: those of its two
// Events, which lie in one word of 64 bits, and the priority word. All handles of one
// object in one process must share it.
func (q *Queue) Init(events *[2]uint32, words, priority *uint64, owner Owner, shared bool) {
	q.behind, q.ahead = NewEvent(&events[0], owner), NewEvent(&events[1], owner)
	q.words, q.priority, q.owner, q.shared = words, priority, owner, shared
}

// Waiting reports whether anybody may be asleep: the waker's load.
func (q *Queue) Waiting() bool { return atomic.LoadUint64(q.words)&(waiting|waiting<<32) != 0 }

// Queued reports whether anybody of this process sleeps, or waits for its turn to.
func (q *Queue) Queued() bool { return q.behind.Queued() }

// Barred reports whether a hungry waiter is to be served before all others.
func (q *Queue) Barred() bool { return atomic.LoadUint64(q.priority) >= 1<<firstShift }

// Wake wakes up to n of those who sleep and may be served. Call it after something was
// given back, if Waiting.
func (q *Queue) Wake(n int) {
	if q.Barred() {
		q.ahead.Notify(Everybody)
		return
	}
	q.behind.Notify(n)
}

// WakeAll wakes everybody.
func (q *Queue) WakeAll() {
	q.ahead.Notify(Everybody)
	q.behind.Notify(Everybody)
}

// Await waits until take has taken something. It tells take whether this waiter is
// first; if not, take must fail while the Queue is Barred. See Event.Await.
func (q *Queue) Await(ctx context.Context, take func(first bool) bool, stalled func()) (err error) {
	c := claim{queue: q, start: time.Now(), came: q.load().beat()}
	if !q.Queued() && spin(func() bool { return take(false) }) {
		return nil
	}
	if err := q.behind.enter(ctx); err != nil {
		return err
	}
	defer q.behind.leave()
	defer func() { c.end(err == nil) }()
	return sleep(ctx, c.on,
		func() bool { return take(c.first()) },
		func() { q.DropStale(); stalled() })
}

// DropStale ends the claim of a waiter that is dead or does not move.
func (q *Queue) DropStale() {
	w := q.load()
	if f := w.first(); f != 0 && (q.owner.SlotFree(f-1) || q.exhausted(w)) {
		q.handOver(w, false)
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

// handOver makes the next the first, and wakes those who have to know (Invariant 3). If
// the first was served, it may have left nothing for others.
func (q *Queue) handOver(w order, served bool) {
	if !q.swap(w, w.next(), 0, 0) {
		return
	}
	q.ahead.Notify(Everybody)
	switch {
	case w.next() != 0:
	case q.shared:
		q.behind.Notify(Everybody)
	case !served:
		q.behind.Notify(1)
	}
	runtime.KeepAlive(q)
}

func (q *Queue) load() order { return order(atomic.LoadUint64(q.priority)) }

// swap changes the word from w.
func (q *Queue) swap(w order, first, next int, since uint64) bool {
	return atomic.CompareAndSwapUint64(q.priority, uint64(w), uint64(makeOrder(first, next, since, w.beat()+1)))
}
