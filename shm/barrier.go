package shm

import (
	"context"
	"errors"
	"fmt"

	"github.com/isthmus-go/isthmus/internal/layout"
	"github.com/isthmus-go/isthmus/internal/race"
	"github.com/isthmus-go/isthmus/internal/segment"
)

// A Barrier lets a fixed number of parties, goroutines of any processes, wait until all of
// them have come. Then it lets them all go, and the next phase begins. It behaves as the
// Barrier of Python's threading does.
//
// A process is as many parties as goroutines of it have waited in one phase, from its first
// Wait on. The Barrier does not know a process that dies before that.
//
// If a party dies, or closes its Segment, whether it waits or works, those who wait find out
// within 50 ms of the end of the dead process. The phase then breaks, as if somebody had
// called [Barrier.Abort]. With the option [GoOn], it goes on without that party: it ends as
// soon as those have come who are alive, or have never come. Another process may take the
// place of a dead one, once all parties have come: it is one from its first Wait on. If a
// party has come and dies before anybody has looked, its last phase may end as if it lived,
// and does so if all have come. While a process is stopped in the middle of an operation, a
// phase breaks all the same unless all have come, but it does not go on, and whoever comes
// waits.
//
// Once no process that is a party is left, the dead are forgotten: the next group of
// processes begins anew. A barrier that is broken then stays broken, until [Barrier.Reset].
//
// In the terms of the Go memory model, a call of Wait synchronizes before the return of each
// Wait of the same phase that returns no error.
//
// All arrivals take turns. No operation makes a system call if nobody has to wait or to be
// woken, but the first Wait of a process, and Reset. A Barrier takes 128 bytes
// of the segment, plus 128 bytes for each process that the segment has room for.
type Barrier struct {
	ref segment.Ref
	barrierState
	edge race.Edge
}

// ErrBroken reports that a phase of a Barrier was broken: a party was cancelled or has died,
// or somebody has called Abort or Reset.
var ErrBroken = errors.New("barrier is broken")

// BarrierOption is an option of [NewBarrier].
type BarrierOption uint8

// GoOn makes a Barrier go on without parties that have died or closed their Segment, instead
// of breaking.
const GoOn BarrierOption = 1

// NewBarrier returns the barrier with that name, of so many parties: from 1 to 1,023. It
// creates one if none exists. All calls on one Segment return the same *Barrier. NewBarrier
// fails with [ErrMismatch] if one with other parties or options exists.
func NewBarrier(s *Segment, name string, parties int, options ...BarrierOption) (*Barrier, error) {
	var set BarrierOption
	for _, o := range options {
		set |= o & GoOn
	}
	ref := s.core.Ref(layout.KindBarrier, name)
	if parties < 1 || parties > maxParties {
		return nil, ref.Fault(fmt.Errorf("%d parties, from 1 to %d can be: %w", parties, maxParties, ErrSize))
	}
	obj, err := s.core.Object(segment.Spec{
		Kind: layout.KindBarrier, Name: name, Capacity: uint64(parties), Flags: uint64(set),
		Size: barrierSize(s.core.MaxProcs()),
	})
	if err != nil {
		return nil, err
	}
	return s.core.Local(obj, func() any {
		b := &Barrier{ref: ref}
		b.init(s.core, obj.Mem, parties, set&GoOn != 0)
		return b
	}).(*Barrier), nil
}

// Wait waits until all parties have come. To one of them, the leader of the phase, it then
// returns true. The leader is the one that has come last, or that has found out that nobody
// else will come; if it dies meanwhile, the phase may have none.
//
// If ctx ends first, or before, Wait breaks the phase, since this party will not come, and
// returns an error that wraps the error of ctx. If somebody else has broken the phase, or
// the barrier is broken, the error wraps [ErrBroken]; so it may if a later phase was reset
// before this goroutine has noticed that its own had ended. If the Segment is closed, it
// wraps [ErrSegmentClosed], also if the phase has ended: who has waited must not close the
// Segment while other goroutines of the process may still be in Wait.
func (b *Barrier) Wait(ctx context.Context) (leader bool, err error) {
	if err := b.ref.CheckContext(ctx); err != nil {
		if ctx != nil {
			b.breakNow()
		}
		return false, err
	}
	b.edge.Release()
	phase, leader, err := b.arrive(ctx)
	switch {
	case b.ref.Closed():
		return false, b.ref.Check()
	case err != nil:
		b.breakNow()
		return false, b.ref.Fault(err)
	}
	over := func() bool { return b.load() != filling(phase) || b.ref.Closed() }
	if !over() {
		err = b.waiters.AwaitEach(ctx, over, func() { leader = b.attend(phase) || leader })
	}
	mine := err != nil && b.breakUp(phase)
	broke := !leader && b.broke(phase)
	switch {
	case b.ref.Closed():
		return false, b.ref.Check()
	case mine:
		return false, b.ref.Fault(err)
	case broke:
		return false, b.ref.Fault(ErrBroken)
	}
	b.edge.Acquire()
	return leader, nil
}

// Abort breaks the barrier: everybody who waits, or comes, gets [ErrBroken], until somebody
// calls Reset. It panics if the segment is closed.
func (b *Barrier) Abort() {
	b.mustBeOpen() // now: who is woken may close the segment
	b.breakNow()
}

// Reset lets the barrier begin anew: nobody has come, all parties are expected, and the dead
// are forgotten. The living stay the parties that they were. Everybody who waits gets
// [ErrBroken]. If a process dies in Reset, or closes its Segment, it may leave the barrier
// broken. Reset panics if the segment is closed.
func (b *Barrier) Reset() {
	if b.reset() != nil { // without a Done channel: the segment is closed
		b.ref.PanicClosed()
	}
}

// Broken reports whether the barrier is broken. It panics if the segment is closed.
func (b *Barrier) Broken() bool {
	w := b.load()
	b.mustBeOpen()
	return broken(w)
}

// Waiting returns how many parties have come in the present phase, 0 if the barrier is
// broken, or all have come. Those who have died may count. While others come, the number may
// be out of date, or between two phases. It panics if the segment is closed.
func (b *Barrier) Waiting() int {
	w := b.load()
	come, want := b.lines.count(phaseOf(w))
	b.mustBeOpen()
	if broken(w) || come >= want { // about to end
		return 0
	}
	return int(come)
}

func (b *Barrier) mustBeOpen() {
	if b.ref.Closed() {
		b.ref.PanicClosed()
	}
}

// String returns the names of the barrier and of its segment.
func (b *Barrier) String() string { return b.ref.String() }
