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
//	bits 0-20  beat:  rises whenever another becomes first, or the first shows that
//	                  it is there, and wraps around
//
//	0, 0        --a hungry waiter x-->                   x, 0    beat+1
//	f, n        --x, if n is 0 or began later-->         f, x
//	f, n        --f, from time to time-->                f, n    beat+1
//	f, n        --f, when served or cancelled-->         n, 0    beat+1
//	f, n        --n, when cancelled-->                   f, 0
//	f, n        --anybody, if f is dead or its beat has
//	              stood still for longer than stale-->   n, 0    beat+1
//	s, n or f, s --a new owner of slot s-->              as if s were cancelled
//
// The first and the next sleep on an Event of their own, ahead of those behind, so that
// only they are woken while nobody else would be served.
//
// Invariants
//
//  1. The priority word is about order only. However it stands, nothing is lost, and a
//     paused or dead waiter keeps the others out for stale at most, from when they
//     look at it (at every Slice; later with more than keenLooks in hubs). Only the first raises
//     the beat, so that nobody else makes it look alive. Two that are gone may follow each
//     other.
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
	words         *Words
	ahead, behind Event
	owner         Owner
	shared        bool // several may hold what is taken, at one time

	luck luck

	mu    sync.Mutex // of what this process has seen of the first
	seen  order      // its proof
	since time.Time  // and for how long
}

// Owner is this process's attachment.
type Owner interface {
	Fence
	Slot() int
	SlotFree(slot int) bool // its owner is dead
	Closed() bool           // then a waiter ends, and has taken nothing
}

const (
	hunger = time.Millisecond
	stale  = 50 * time.Millisecond
)

// Words are those of a Queue in shared memory, at a multiple of 8 bytes.
type Words struct {
	events   [2]uint32 // of those behind, and of those ahead
	priority uint64
}

// Waiting reports whether anybody may be asleep: the waker's load, of both Events.
func (w *Words) Waiting() bool { return atomic.LoadUint64(w.both())&(waiting|waiting<<32) != 0 }

// Barred reports whether a hungry waiter is to be served before all others.
func (w *Words) Barred() bool { return atomic.LoadUint64(&w.priority) >= 1<<firstShift }

// Wake wakes up to n of those who sleep and may be served. Call it after something was
// given back, if Waiting.
func (w *Words) Wake(n int) { w.wake(n, nil) }

func (w *Words) wake(n int, t *Tally) {
	if w.Barred() {
		notify(&w.events[1], Everybody, t)
		return
	}
	notify(&w.events[0], n, t)
}

// Init makes the process's side of the Queue whose words are given. All handles of one
// object in one process must share it.
func (q *Queue) Init(words *Words, owner Owner, shared bool) {
	q.words, q.owner, q.shared = words, owner, shared
	q.behind, q.ahead = NewEvent(&words.events[0], owner), NewEvent(&words.events[1], owner)
	q.behind.Keen()               // a look makes it hungry, or finds the first stale
	q.ahead.Keen()                // a look shows that it is there
	(&claim{queue: q}).end(false) // what an earlier owner of this slot has left
}

// CountIn has q count in t, from before its first use on.
func (q *Queue) CountIn(t *Tally) {
	q.behind.CountIn(t)
	q.ahead.CountIn(t)
}

// Tally returns what q counts in.
func (q *Queue) Tally() *Tally { return q.behind.Tally() }

// Waiting is that of the Words.
func (q *Queue) Waiting() bool { return q.words.Waiting() }

// Barred is that of the Words.
func (q *Queue) Barred() bool { return q.words.Barred() }

// Queued reports whether anybody of this process sleeps, or waits for its turn to.
func (q *Queue) Queued() bool { return q.behind.Queued() }

// Wake is that of the Words.
func (q *Queue) Wake(n int) {
	q.words.wake(n, q.Tally())
	runtime.KeepAlive(q)
}

// WakeAll wakes everybody.
func (q *Queue) WakeAll() {
	q.ahead.Notify(Everybody)
	q.behind.Notify(Everybody)
}

// Behind returns the Event of those who are not to be served before others. Who waits on it
// as one of several cases never becomes hungry.
func (q *Queue) Behind() *Event { return &q.behind }

// Await waits until take has taken something. It tells take whether this waiter is
// first; if not, take must fail while the Queue is Barred. See Event.Await.
func (q *Queue) Await(ctx context.Context, take func(first bool) bool, stalled func()) (err error) {
	c := claim{queue: q, start: time.Now(), came: q.load().beat()}
	if !q.Queued() && q.luck.spin(func() bool { return take(false) }) {
		return nil
	}
	waited, err := q.behind.enter(ctx)
	if err != nil {
		return err
	}
	defer q.behind.leave()
	defer func() { c.end(err == nil && !q.owner.Closed()) }()
	return sleep(ctx, c.on,
		func() bool { return take(c.first()) || c.apply() && take(true) },
		func() { q.DropStale(); stalled() }, waited)
}

// DropStale ends the claim of a waiter that is dead or does not move.
func (q *Queue) DropStale() {
	w := q.load()
	if f := w.first(); f != 0 && (q.owner.SlotFree(f-1) || q.exhausted(w)) {
		q.handOver(w, false)
	}
}

// exhausted reports whether the first has not moved for longer than stale.
func (q *Queue) exhausted(w order) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if w.proof() != q.seen {
		q.seen, q.since = w.proof(), time.Now()
	}
	return time.Since(q.since) > stale
}

// handOver makes the next the first, and wakes those who have to know (Invariant 3). If
// the first was served, it may have left nothing for others.
func (q *Queue) handOver(w order, served bool) {
	if !q.swap(w, makeOrder(w.next(), 0, 0, w.beat()+1)) {
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

func (q *Queue) load() order { return order(atomic.LoadUint64(&q.words.priority)) }

// swap changes the word from w.
func (q *Queue) swap(w, to order) bool {
	return atomic.CompareAndSwapUint64(&q.words.priority, uint64(w), uint64(to))
}
