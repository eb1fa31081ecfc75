// Package wait is how every primitive of the module waits: it spins for a
// moment, then sleeps on an Event, an eventcount in shared memory.
package wait

import (
	"context"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/isthmus-go/isthmus/futex"
)

// An Event lets processes sleep until a condition on shared memory holds. The
// condition itself lives elsewhere, in the words of a lock or a ring.
//
// States of the word: bit 0 (waiting) says that somebody may be asleep; bit 1
// (fresh) that somebody has come since the last wake; the other bits (epoch)
// count the wakes.
//
// Protocol. A sleeper S: sets waiting and fresh, runs its fence, tests the
// condition, and sleeps if the word is still the same. A waker W: changes the
// condition, reads the word, and, if waiting is set, raises the epoch, clears
// fresh, and wakes. If it finds fewer sleepers than it would wake, it clears
// waiting, unless the word has changed meanwhile.
//
// Invariants
//
//  1. No lost wake-up. Either W's load of the word sees S's waiting bit, or
//     S's test of the condition sees W's change: store-load on both sides.
//  2. While somebody is asleep, waiting is set. A change of the word between
//     S's setting of the bits and its sleep makes the sleep return at once; and
//     a W that clears waiting has seen that nobody set fresh since it woke all
//     there were.
//  3. Of those who take turns, each attachment has at most one asleep on an Event:
//     goroutines take them on the Go side, in the order in which they came, and do not
//     spin while one has the turn. A wake of one therefore wakes one process. Those of
//     Any take no turns: they pass on each wake that they have not used. (Those of
//     AwaitEach take none either, and those of Another their own: they are woken by a
//     wake of everybody only, or wait for the same.)
//  4. A sleep is bounded where it has a thread of its own; in a hub, the watch sees to it
//     that the dead are looked for as soon. The bound matters only to what the dead leave: a
//     waker killed between its change and its wake, a sleeper killed between its wake and its
//     turn, an owner who will never come back. (A process that is paused there holds the
//     others up for as long, or until they look in their turn.) Who sleeps again after the
//     bound, and whose word has not changed, is still armed, and fenced.
//
// Memory orderings. W's change is a release store or a read-modify-write, and
// the load that pairs with it is the one in S's test. Invariant 1 wants a full
// fence between W's change and W's load of the word. A read-modify-write is
// one, together with Go's atomic load. After a plain release store there is none:
// then S pays for both sides with a barrier that reaches every processor that
// runs a waker (Fence), or, where the system has no such barrier, W runs a fence
// of its own.
//
// Model: models/event.pml.
type Event struct {
	word   *uint32
	fence  Fence
	tally  *Tally // or nil
	turn   chan struct{}
	queued int32 // goroutines of this process that have the turn, or wait for it
	luck   luck
	keen   uint32 // 1: see Keen
}

// Fence is the sleeper's side of the store-load fence of Invariant 1.
type Fence interface {
	// Barrier is a full fence for this thread and, where wakers run none,
	// for every thread of every process attached to the segment. It reports
	// false if it cannot be that: the sleeper then has to poll.
	Barrier() bool
	// Census returns a number that is another one, in all likelihood, once a process has
	// attached to the segment, or died more than age ago, or this one has closed it.
	Census(age time.Duration) uint64
}

const (
	waiting = 1
	fresh   = 2
	epoch   = 4
)

// NewEvent makes the process's side of the Event whose word is given. All
// handles of one object in one process must share it (Invariant 3).
func NewEvent(word *uint32, fence Fence) Event {
	return Event{word: word, fence: fence, turn: make(chan struct{}, 1)}
}

// Another returns an Event with the same word, and turns of its own, for those of this
// process who wait for something else than those who take turns on e, or do something else
// meanwhile. Whoever wakes them wakes everybody, if they wait for something else.
func (e *Event) Another() *Event {
	other := NewEvent(e.word, e.fence)
	other.keen, other.tally = atomic.LoadUint32(&e.keen), e.tally
	return &other
}

// CountIn has e count in t, from before its first use on.
func (e *Event) CountIn(t *Tally) { e.tally = t }

// Tally returns what e counts in.
func (e *Event) Tally() *Tally { return e.tally }

// Keen has whoever sleeps on e look at every Slice, if they are not too many: what they wait
// for may come by other things than a wake, or a death.
func (e *Event) Keen() { atomic.StoreUint32(&e.keen, 1) }

// Waiting reports whether anybody may be asleep: the waker's load. It does not
// keep the segment alive, for the sake of its callers' registers.
func (e *Event) Waiting() bool { return atomic.LoadUint32(e.word)&waiting != 0 }

// Queued reports whether anybody of this process sleeps, or waits for the turn.
// Whoever comes then and wants to be served in order queues behind them.
func (e *Event) Queued() bool { return atomic.LoadInt32(&e.queued) != 0 }

// Everybody is more processes than can sleep.
const Everybody = 1 << 30

// Notify wakes up to n processes that sleep. Call it after a change of the
// condition, if Waiting.
func (e *Event) Notify(n int) {
	notify(e.word, n, e.tally)
	runtime.KeepAlive(e)
}

// notify is Notify of the Event with that word.
func notify(word *uint32, n int, t *Tally) {
	for {
		w := atomic.LoadUint32(word)
		if w&waiting == 0 {
			return
		}
		next := w&^fresh + epoch
		if !atomic.CompareAndSwapUint32(word, w, next) {
			continue
		}
		t.woke()
		if futex.Wake(word, n) < n {
			atomic.CompareAndSwapUint32(word, next, next&^waiting)
		}
		return
	}
}

// Await returns nil once try has reported true. It calls try from the calling
// goroutine only, and stalled before the first sleep and then after each Slice:
// the place to look for the dead. If ctx ends first, its error is returned, and
// try has reported false.
func (e *Event) Await(ctx context.Context, try func() bool, stalled func()) error {
	if !e.Queued() && e.luck.spin(try) {
		return nil
	}
	waited, err := e.enter(ctx)
	if err != nil {
		return err
	}
	defer e.leave()
	return e.sleep(ctx, try, stalled, waited)
}

// AwaitEach is Await where each goroutine waits for something else: they do not take
// turns, since only the one whose turn it is would look. Whoever wakes those who wait
// so wakes everybody.
func (e *Event) AwaitEach(ctx context.Context, try func() bool, stalled func()) error {
	if e.luck.spin(try) {
		return nil
	}
	return e.sleep(ctx, try, stalled, false)
}

// sleep sleeps on this Event only.
func (e *Event) sleep(ctx context.Context, try func() bool, stalled func(), waited bool) error {
	events := []*Event{e}
	start := time.Now()
	err := sleep(ctx, func() []*Event { return events }, try, stalled, waited)
	if err == nil {
		e.luck.slept(time.Since(start))
	}
	return err
}

// Each is AwaitEach of the Event with that word.
func Each(ctx context.Context, word *uint32, fence Fence, try func() bool, stalled func()) error {
	return (&Event{word: word, fence: fence}).AwaitEach(ctx, try, stalled)
}

// enter waits for the turn (Invariant 3), and reports whether it stood behind another.
func (e *Event) enter(ctx context.Context) (waited bool, err error) {
	if waited = atomic.AddInt32(&e.queued, 1) > 1; waited {
		e.tally.Waited()
	}
	select {
	case e.turn <- struct{}{}:
		return waited, nil
	case <-ctx.Done():
		atomic.AddInt32(&e.queued, -1)
		return waited, ctx.Err()
	}
}

// leave gives the turn to whoever waits for it.
func (e *Event) leave() {
	<-e.turn
	atomic.AddInt32(&e.queued, -1)
}

// arm says in the word that somebody is going to sleep, and returns it.
func (e *Event) arm() uint32 {
	for {
		w := atomic.LoadUint32(e.word)
		armed := w | waiting | fresh
		if w == armed || atomic.CompareAndSwapUint32(e.word, w, armed) {
			return armed
		}
	}
}
