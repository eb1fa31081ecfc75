// Package wait is how every primitive of the module waits: it spins for a
// moment, then sleeps on an Event, an eventcount in shared memory.
package wait

import (
	"context"
	"errors"
	"os"
	"sync/atomic"
	"time"

	"github.com/isthmus-go/isthmus/futex"
)

// An Event lets processes sleep until a condition on shared memory holds. The
// condition itself lives elsewhere, in the words of a lock or a ring.
//
// States of the word: bit 0 (waiting) says that somebody may be asleep; the
// other bits (epoch) count the wakes.
//
// Protocol. A sleeper S: reads the word, sets waiting, runs its fence, tests
// the condition, and sleeps if the word is still the one it read. A waker W:
// changes the condition, reads the word, and, if waiting is set, raises the
// epoch and wakes; a wake that finds fewer sleepers than it offers clears
// waiting.
//
// Invariants
//
//  1. No lost wake-up. Either W's load of the word sees S's waiting bit, or
//     S's test of the condition sees W's change: store-load on both sides.
//  2. Any change of the word between S's read and its sleep makes the sleep
//     return at once, so W may raise the epoch or clear waiting at any time.
//  3. Each process has at most one thread asleep on an Event: goroutines take
//     turns on the Go side. A wake of one therefore wakes one process.
//  4. A sleep is bounded by Slice. It matters only to what the dead leave: a
//     waker killed between its change and its wake, a sleeper killed between
//     its wake and its turn, an owner who will never come back.
//
// Memory orderings. W's change is a release store or a read-modify-write, and
// the load that pairs with it is the one in S's test. Invariant 1 wants a full
// fence between W's change and W's load of the word. A read-modify-write is
// one. After a plain release store there is none: then S pays for both sides
// with a barrier that reaches every processor that runs a waker (Fence), or,
// where the system has no such barrier, W runs a fence of its own.
type Event struct {
	word  *uint32
	fence Fence
	turn  chan struct{}
}

// Fence is the sleeper's side of the store-load fence of Invariant 1.
type Fence interface {
	// Barrier is a full fence for this thread and, where wakers run none,
	// for every thread of every process attached to the segment. It reports
	// false if it cannot be that: the sleeper then has to poll.
	Barrier() bool
}

const (
	waiting = 1
	epoch   = 2
)

// Slice bounds one sleep, and so the time after which the dead are found.
const Slice = 20 * time.Millisecond

// poll bounds one sleep where the sleeper cannot reach the wakers' processors.
const poll = time.Millisecond

// NewEvent makes the process's side of the Event whose word is given. All
// handles of one object in one process must share it (Invariant 3).
func NewEvent(word *uint32, fence Fence) *Event {
	return &Event{word: word, fence: fence, turn: make(chan struct{}, 1)}
}

// Waiting reports whether anybody may be asleep: the waker's load.
func (e *Event) Waiting() bool { return atomic.LoadUint32(e.word)&waiting != 0 }

// Notify wakes up to n processes that sleep. Call it after a change of the
// condition, if Waiting.
func (e *Event) Notify(n int) {
	for {
		w := atomic.LoadUint32(e.word)
		if w&waiting == 0 {
			return
		}
		if !atomic.CompareAndSwapUint32(e.word, w, w+epoch) {
			continue
		}
		if futex.Wake(e.word, n) < n {
			atomic.CompareAndSwapUint32(e.word, w+epoch, (w+epoch)&^waiting)
		}
		return
	}
}

// Await returns nil once try has reported true. It calls try from the calling
// goroutine only, and stalled before the first sleep and after every sleep
// that ran into its bound: the place to look for the dead. If ctx ends first,
// its error is returned, and try has reported false.
func (e *Event) Await(ctx context.Context, try func() bool, stalled func()) error {
	if spin(try) {
		return nil
	}
	select {
	case e.turn <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-e.turn }()

	for first := true; ; first = false {
		w := atomic.LoadUint32(e.word)
		if w&waiting == 0 {
			if !atomic.CompareAndSwapUint32(e.word, w, w|waiting) {
				continue
			}
			w |= waiting
		}
		bound := Slice
		if !e.fence.Barrier() {
			bound = poll
		}
		if try() {
			return nil
		}
		if first {
			if stalled(); try() {
				return nil
			}
		}
		err := futex.WaitUntil(ctx, e.word, w, time.Now().Add(bound))
		if try() {
			if errors.Is(err, os.ErrDeadlineExceeded) && bound == Slice {
				overslept.Add(1)
			}
			return nil
		}
		switch {
		case err == nil:
		case errors.Is(err, os.ErrDeadlineExceeded):
			stalled()
		default:
			return err
		}
	}
}

// overslept counts the sleeps that ran into their bound although the condition
// already held. Without deaths it stays 0.
var overslept atomic.Int64

// Overslept returns how many sleeps of this process ended by their bound
// although the condition already held.
func Overslept() int64 { return overslept.Load() }
