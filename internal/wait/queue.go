package wait

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/isthmus-go/isthmus/internal/layout"
)

// A Queue is an Event for what is taken and given back, a lock or permits: whoever
// comes first gets it, but a waiter that has waited for longer than hunger is
// served before all others, in this process and elsewhere. sync.Mutex has the same
// rule.
//
// The priority word names the process of the waiter that is served first:
// id<<beatBits | beat. The id is 0 if there is none.
//
//	(0, beat) --a hungry waiter-->              (id, beat+1)
//	(id, beat) --it, from time to time-->       (id, beat+1)
//	(id, beat) --it, when served or cancelled--> (0, beat)
//	(id, beat) --anybody, if id is dead or the beat has stood still for
//	             longer than stale-->           (0, beat)
//
// Invariants
//
//  1. The word is about order only. However it stands, nothing is lost, and a
//     paused or dead waiter keeps the others out for stale at most.
//  2. Only who has the Event's turn in its process becomes hungry, so one waiter of
//     each process at most. The others of that process queue behind it.
//  3. Who was refused because of the word is woken when it changes to 0; who makes
//     itself first looks again after that, so that it is not lost if a waker has
//     not reckoned with it.
//
// Every transition is one compare-and-swap. The beat goes on from one claim to the
// next, so that a claim is never taken for an older one that stood still.
//
// Memory orderings. A waker changes the condition, then loads the priority word; a
// hungry waiter changes that word, then runs its fence and tests the condition. The
// fences are those of Event, Invariant 1.
type Queue struct {
	Event
	priority *uint64
	owner    Owner

	mu    sync.Mutex // of what this process has seen of a claim
	seen  uint64     // the word
	since time.Time  // and for how long
}

// Owner is this process's attachment.
type Owner interface {
	Fence
	ID() layout.ID
	Dead(layout.ID) bool
}

const (
	hunger = time.Millisecond
	stale  = 50 * time.Millisecond

	beatBits = 64 - layout.IDBits
	beatMask = 1<<beatBits - 1
)

// Init makes the process's side of the Queue whose words are given. All handles of
// one object in one process must share it.
func (q *Queue) Init(word *uint32, priority *uint64, owner Owner) {
	q.Event, q.priority, q.owner = NewEvent(word, owner), priority, owner
}

// Barred reports whether a hungry waiter is to be served before all others.
func (q *Queue) Barred() bool { return atomic.LoadUint64(q.priority) > beatMask }

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
	c := claim{queue: q, start: time.Now()}
	defer c.end()
	return q.Event.Await(ctx, func() bool {
		return take(c.first) || c.renew() && take(true)
	}, func() {
		c.slept = true
		q.DropStale()
		stalled()
	})
}

// DropStale ends the claim of a waiter that is dead or does not move.
func (q *Queue) DropStale() {
	w := atomic.LoadUint64(q.priority)
	if w > beatMask && (q.owner.Dead(layout.ID(w>>beatBits)) || q.exhausted(w)) {
		q.drop(w)
	}
}

// exhausted reports whether the word has been the same for longer than stale.
func (q *Queue) exhausted(w uint64) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if w != q.seen {
		q.seen, q.since = w, time.Now()
	}
	return time.Since(q.since) > stale
}

// drop ends the claim w, and wakes those whom it has kept out.
func (q *Queue) drop(w uint64) {
	if atomic.CompareAndSwapUint64(q.priority, w, w&beatMask) && q.Waiting() {
		q.Notify(Everybody)
	}
	runtime.KeepAlive(q)
}

// claim is a waiter's way to be first, and to stay so.
type claim struct {
	queue   *Queue
	start   time.Time
	renewed time.Time
	slept   bool // or is about to: before that nobody is hungry
	first   bool
}

// renew makes the waiter first once it is hungry, and shows from time to time that
// it is still there. It reports whether the waiter has just become first.
func (c *claim) renew() bool {
	if !c.slept {
		return false
	}
	now := time.Now()
	if now.Sub(c.start) < hunger || now.Sub(c.renewed) < hunger {
		return false
	}
	c.renewed = now
	q, was := c.queue, c.first
	w := atomic.LoadUint64(q.priority)
	me := uint64(q.owner.ID())
	c.first = (w <= beatMask || w>>beatBits == me) &&
		atomic.CompareAndSwapUint64(q.priority, w, me<<beatBits|(w+1)&beatMask)
	if was || !c.first {
		return false
	}
	q.owner.Barrier() // Invariant 3
	return true
}

// end gives the claim up.
func (c *claim) end() {
	q := c.queue
	if w := atomic.LoadUint64(q.priority); c.first && w>>beatBits == uint64(q.owner.ID()) {
		q.drop(w)
	}
}
