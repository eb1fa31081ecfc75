package shm

import (
	"context"
	"runtime"
	"sync/atomic"

	"github.com/isthmus-go/isthmus/internal/arch"
	"github.com/isthmus-go/isthmus/internal/layout"
	"github.com/isthmus-go/isthmus/internal/race"
	"github.com/isthmus-go/isthmus/internal/segment"
	"github.com/isthmus-go/isthmus/internal/wait"
)

// An Event is a flag that processes, and the goroutines of each process, can wait
// for. It behaves as the Event of Python's multiprocessing does. A new Event is
// clear.
//
// [Event.Set] lets everybody go who waits at that moment, also if a Clear follows
// at once. While the Event is set, [Event.Wait] does not wait.
//
// An Event has no owner, and a process that dies leaves nothing that needs repair.
// If a process dies in the middle of a Set, either the Event is set, and everybody
// who waits is told within 50 ms, or nothing has happened.
//
// In the terms of the Go memory model, a Set synchronizes before the return of each
// Wait that it lets go, and before each IsSet that returns true and comes after it.
//
// No operation makes a system call if nobody has to wait or to be woken. An Event takes
// 128 bytes of the segment.
type Event struct {
	ref     segment.Ref
	word    *uint64
	waiters wait.Event
	edge    race.Edge
}

// The memory of an Event:
//
//	0  word     bit 0 (set); bits 1-63: how often it was set (generation)
//	8  waiters  word of the wait.Event that those who Wait sleep on
//
//	any  --Set-->    set, generation+1
//	any  --Clear-->  clear
//
// Invariants
//
//  1. Each transition is one read-modify-write. A death leaves nothing to repair. One
//     between a Set and its wake leaves sleepers, who wake by their bound.
//  2. The generation only rises. So a word that is clear only changes by a Set, and never
//     comes back: a Clear hides no Set from those who were there.
//  3. Each waiter waits for the end of the word that it found, so waiters take no turns,
//     and a Set wakes everybody.
//
// Memory orderings. The word's read-modify-write in Set pairs with the load of a waiter,
// and of IsSet. It is the full fence before the load of the waiters' word, too. A Set of an
// Event that is set changes the word all the same, so that who sees it synchronizes with it.
const (
	eventSet        = 1
	eventGeneration = 2

	eventWaiters = 8
)

// EventSize is the size of an Event, in bytes of the segment.
const EventSize = arch.CacheLine

// NewEvent returns the event with that name. It creates a clear event if none exists.
// All calls on one Segment return the same *Event.
func NewEvent(s *Segment, name string) (*Event, error) {
	obj, err := s.core.Object(segment.Spec{
		Kind: layout.KindEvent, Name: name, Size: EventSize,
	})
	if err != nil {
		return nil, err
	}
	return s.core.Local(obj, func() any {
		return &Event{
			ref:     s.core.Ref(layout.KindEvent, name),
			word:    layout.At[uint64](obj.Mem, 0),
			waiters: wait.NewEvent(layout.At[uint32](obj.Mem, eventWaiters), s.core),
		}
	}).(*Event), nil
}

// Set sets the event, and lets everybody go who waits. It panics if the segment is
// closed.
func (e *Event) Set() {
	e.mustBeOpen() // now: who is woken may close the segment
	e.edge.Release()
	for {
		w := atomic.LoadUint64(e.word)
		if atomic.CompareAndSwapUint64(e.word, w, (w+eventGeneration)|eventSet) {
			break
		}
	}
	if e.waiters.Waiting() {
		e.waiters.Notify(wait.Everybody)
	}
	runtime.KeepAlive(e)
}

// Clear makes the event clear. It panics if the segment is closed.
func (e *Event) Clear() {
	e.mustBeOpen() // as in Set
	atomic.AndUint64(e.word, ^uint64(eventSet))
	runtime.KeepAlive(e)
}

// IsSet reports whether the event is set. It panics if the segment is closed.
func (e *Event) IsSet() bool {
	set := atomic.LoadUint64(e.word)&eventSet != 0
	e.mustBeOpen()
	if set {
		e.edge.Acquire()
	}
	return set
}

// Wait waits until the event is set. If it is clear again by the time that the waiter
// runs, Wait returns nil all the same. If ctx ends first, Wait returns an error that
// wraps the error of ctx. If the Segment is closed, the error wraps
// [ErrSegmentClosed].
func (e *Event) Wait(ctx context.Context) error {
	if err := e.ref.CheckContext(ctx); err != nil {
		return err
	}
	if w := atomic.LoadUint64(e.word); w&eventSet == 0 {
		err := e.waiters.AwaitEach(ctx, func() bool { return e.setSince(w) }, func() {})
		if err != nil && !e.ref.Closed() {
			return e.ref.Fault(err)
		}
	}
	return e.waited()
}

// setSince reports whether the event is set, or was since its word was w; or the segment is
// closed.
func (e *Event) setSince(w uint64) bool {
	now := atomic.LoadUint64(e.word)
	return now != w || now&eventSet != 0 || e.ref.Closed() // Invariant 2
}

// waited returns the error of an operation that has come to its end with the event set, or
// because the segment is closed.
func (e *Event) waited() error {
	if closed := e.ref.Check(); closed != nil {
		return closed
	}
	e.edge.Acquire()
	return nil
}

func (e *Event) mustBeOpen() {
	if e.ref.Closed() {
		e.ref.PanicClosed()
	}
}

// String returns the names of the event and of its segment.
func (e *Event) String() string { return e.ref.String() }
