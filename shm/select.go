package shm

import (
	"context"
	"fmt"
	"io/fs"
	"sync/atomic"

	"github.com/isthmus-go/isthmus/internal/liveness"
	"github.com/isthmus-go/isthmus/internal/wait"
)

// A Case is one of the operations between which [Select] chooses. Methods of the objects
// return it: LockCase of [Lock] and [RecursiveLock], [RWLock.RLockCase], [Event.WaitCase],
// ChangeCase of [Value] and [Table], [Segment.GoneCase], AcquireCase of a semaphore, PushCase
// and PopCase of the rings, and PutCase and GetCase of a work queue. It is a small value, and
// can be used for one Select after another. Select reads what its pointers point at at each
// try, and writes there only when the operation is done. An object that only one goroutine
// at a time may use must not be used while Select runs. The zero Case never takes place, as
// the case of a nil channel.
type Case = wait.Case

// Select waits until one of the operations can be done, does it, and returns its index.
// It is Go's select statement for operations on shared memory. The cases may belong to
// different segments.
//
// If several operations can be done, Select chooses one at random, each with the same
// probability. All others have no effect. If the operation ends with an error of its own,
// such as ring.ErrClosed or [ErrOwnerDied], Select returns the index and that error. If ctx
// ends first, Select has done nothing. It returns -1 and an error that wraps the error of
// ctx. With no cases, Select waits until ctx ends.
//
// If the process is killed inside Select, it has done one operation or none: the object
// recovers as it does from a death in that operation. A wake-up that Select gets and does
// not use goes on to the next waiter. But Select does not queue: a waiter that has waited
// for a Lock or a Semaphore for longer than 1 ms is served before it.
//
// Select costs a try of each case if one of them can be done. Otherwise it sleeps on all
// of them at once, in the same thread as other waiters. With more than 126 cases, it polls
// every millisecond.
func Select(ctx context.Context, cases ...Case) (index int, err error) {
	if ctx == nil {
		return -1, fmt.Errorf("isthmus: select: nil context: %w", fs.ErrInvalid)
	}
	if err = ctx.Err(); err == nil {
		index, err = wait.Any(ctx, cases)
	}
	if err != nil {
		return -1, fmt.Errorf("isthmus: select: %w", err)
	}
	return index, cases[index].Result()
}

// Selected is what a [Select] has returned.
type Selected struct {
	Index int
	Err   error
}

// SelectChan runs Select in a goroutine, and returns a channel that receives its result, for
// use in Go's select statement. The channel receives exactly one value.
//
// The operation is done whether or not somebody receives from the channel. If the program
// goes on by another channel, it has to cancel ctx and then receive, to learn whether the
// operation was done. It costs a goroutine and a channel, and one more switch between
// goroutines: about 1 µs more than Select.
func SelectChan(ctx context.Context, cases ...Case) <-chan Selected {
	c := make(chan Selected, 1)
	go func() {
		index, err := Select(ctx, cases...)
		c <- Selected{index, err}
	}()
	return c
}

// LockCase returns a case for [Select] that locks l, as LockContext does.
func (l *Lock) LockCase() Case {
	return l.lock.Case(l.lock.TryLock, l.locked)
}

// LockCase returns a case for [Select] that locks l for this token, as LockContext does.
func (l *RecursiveLock) LockCase(token uint32) Case {
	return l.lock.Case(func() bool { return l.try(token) }, l.locked)
}

// RLockCase returns a case for [Select] that locks l for reading, as RLockContext does, but
// only if no writer waits for readers: it does not queue for the end of a writer. So writers
// that follow each other without a pause can keep it waiting.
//
// There is no case that locks l for writing. A writer keeps new readers out while it waits for
// those that are there, and a case that may not take place must have no effect.
func (l *RWLock) RLockCase() Case {
	return wait.NewCase(&l.opened[0],
		func() bool { return l.tryRead() || l.core.Closed() },
		l.lock.MakeWay,
		func() error { return l.rlockedAt(atomic.LoadUint64(l.word)) })
}

// WaitCase returns a case for [Select] that waits until the event is set, as Wait does.
func (e *Event) WaitCase() Case {
	var w uint64
	return wait.NewCase(&e.waiters, func() bool { return e.setSince(w) }, func() {}, e.waited).
		Beginning(func() { w = atomic.LoadUint64(e.word) })
}

// ChangeCase returns a case for [Select] that waits until the version of the value differs
// from *version, as Wait does. [Value.LoadVersion] then returns the value and its version.
func (v *Value[T]) ChangeCase(version *uint64) Case {
	return wait.NewCase(&v.changed, func() bool { return v.changedSince(*version) },
		func() {}, v.ref.Check)
}

// ChangeCase returns a case for [Select] that waits until the version of entry i differs
// from *version, as Wait does. [Table.LoadVersion] then returns the entry and its version.
func (t *Table[T]) ChangeCase(i int, version *uint64) Case {
	e := wait.NewEvent(&t.entries[i].changed, t.core)
	return wait.NewCase(&e, func() bool { return t.changed(i, *version) }, func() {}, t.ref.Check)
}

// GoneCase returns a case for [Select] that waits until the peer has died or closed its
// Segment. Select notices it within 50 ms.
func (s *Segment) GoneCase(p Peer) Case {
	return wait.NewLook(s.core,
		func() bool { return s.core.Closed() || s.core.DeadIn(p.Slot, liveness.ID(p.ID)) },
		func() error {
			if s.core.Closed() {
				return s.peersError(ErrSegmentClosed)
			}
			return nil
		})
}
