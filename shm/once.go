package shm

import (
	"context"
	"sync/atomic"

	"github.com/isthmus-go/isthmus/internal/arch"
	"github.com/isthmus-go/isthmus/internal/layout"
	"github.com/isthmus-go/isthmus/internal/liveness"
	"github.com/isthmus-go/isthmus/internal/race"
	"github.com/isthmus-go/isthmus/internal/segment"
	"github.com/isthmus-go/isthmus/internal/wait"
)

// A Once has something done once among all processes, as a [sync.Once] does in one.
// Unlike with a sync.Once, what is done can fail, and is then tried again.
//
// If a process dies while it runs f, the Once is undone again: a process that waits in
// [Once.Do], or that comes, runs its own f within 50 ms of the end of the dead process.
// f has to begin anew then: an earlier f may have stopped at any point, by an error, a
// panic or a death. No f is told which it was, because it has to do the same in each
// case. If a death alone matters, f may ask [Once.OwnerDied].
//
// In the terms of the Go memory model, the return of the f that succeeded synchronizes
// before the return of each Do that returns nil, and of each Done that returns true. The
// return of an f that failed synchronizes before the call of the next f.
//
// Once it is done, Do makes one load from shared memory. A Once takes 128 bytes of the
// segment.
type Once struct {
	ref     segment.Ref
	core    *segment.Segment
	word    *uint64
	id      uint64
	waiters wait.Event
	edge    race.Edge
}

// The memory of a Once:
//
//	0  word     bits 0-37: the executor's id, 0 if there is none; bit 62: an executor
//	            has died inside (died); bit 63: done
//	8  waiters  word of the wait.Event that those who wait in Do sleep on
//
//	undone   0   --Do-->                      running
//	running  id  --f succeeds-->              done
//	running  id  --f fails, panics, exits-->  undone
//	running  id  --executor dies, any waiter--> undone, died
//
// died stays, whatever follows.
//
// Invariants
//
//  1. Only the executor changes the word away from its id, or anybody once it is dead. Ids
//     are not used again, so a compare-and-swap on a dead executor's id succeeds for one
//     caller at most.
//  2. Each transition is one compare-and-swap. A death leaves one of the states above. One
//     between the end of f and the wake leaves sleepers, who wake by their bound.
//  3. A paused executor is not dead: the others wait. Nobody else keeps anybody from
//     returning: who has waited and finds it done holds nothing.
//  4. A word that is done does not change.
//
// Memory orderings. The compare-and-swap at the end of f pairs with the load that finds
// the word done, and with the compare-and-swap of the next executor. It is the full fence
// before the load of the waiters' word, too. A dead executor's stores were made visible by
// the probe of its file lock in the kernel.
const (
	onceDone  = 1 << 63
	onceDied  = 1 << 62
	onceOwner = 1<<layout.IDBits - 1

	onceWaiters = 8
)

// OnceSize is the size of a Once, in bytes of the segment.
const OnceSize = arch.CacheLine

// NewOnce returns the Once with that name. It creates one that is undone if none exists.
// All calls on one Segment return the same *Once.
func NewOnce(s *Segment, name string) (*Once, error) {
	obj, err := s.core.Object(segment.Spec{
		Kind: layout.KindOnce, Name: name, Size: OnceSize,
	})
	if err != nil {
		return nil, err
	}
	return s.core.Local(obj, func() any {
		return &Once{
			ref:     s.core.Ref(layout.KindOnce, name),
			core:    s.core,
			word:    layout.At[uint64](obj.Mem, 0),
			id:      uint64(s.core.ID()),
			waiters: wait.NewEvent(layout.At[uint32](obj.Mem, onceWaiters), s.core),
		}
	}).(*Once), nil
}

// Do calls f if no process has done so with success, and returns the error of f
// unchanged. If somebody else runs an f, Do waits for its end. It then returns nil if
// that f has succeeded, and calls its own f otherwise. Once an f has succeeded, Do
// returns nil and calls nothing.
//
// If f panics, or ends its goroutine, the Once stays undone, and f goes on doing so. As
// with a [sync.Once], an f that calls Do of the same Once waits for itself.
//
// If ctx ends while Do waits, or before, Do returns an error that wraps the error of
// ctx, and has not called f. ctx does not end f. If the Segment is closed, the error wraps
// [ErrSegmentClosed]; if that happens while f runs, another process will run its own.
func (o *Once) Do(ctx context.Context, f func() error) error {
	if atomic.LoadUint64(o.word)&onceDone != 0 {
		return o.wasDone()
	}
	if err := o.ref.CheckContext(ctx); err != nil {
		return err
	}
	var w uint64
	try := func() bool {
		w = o.begin()
		return w != 0 || o.ref.Closed()
	}
	if !try() {
		if err := o.waiters.Await(ctx, try, o.reopen); err != nil {
			return o.ref.Fault(err)
		}
	}
	if w&onceDone != 0 || o.ref.Closed() {
		return o.wasDone()
	}
	o.edge.Acquire()
	if err := o.run(w, f); err != nil {
		return err
	}
	return o.ref.Check()
}

// wasDone is the rest of Do that finds it done, or the segment closed.
func (o *Once) wasDone() error {
	if err := o.ref.Check(); err != nil {
		return err
	}
	o.edge.Acquire()
	return nil
}

// begin makes this process the executor if there is none. It returns the word if it is
// done or was made this caller's, and 0 if another is the executor.
func (o *Once) begin() uint64 {
	w := atomic.LoadUint64(o.word)
	switch {
	case w&onceDone != 0:
		return w
	case w&onceOwner != 0 || !atomic.CompareAndSwapUint64(o.word, w, w|o.id):
		return 0
	}
	return w | o.id
}

// run calls f and ends the executor's part, whose word is w.
func (o *Once) run(w uint64, f func() error) (err error) {
	to := w &^ onceOwner // f may not return
	defer func() {
		o.edge.Release()
		atomic.CompareAndSwapUint64(o.word, w, to)
		if o.waiters.Waiting() {
			o.waiters.Notify(wait.Everybody)
		}
	}()
	if err = f(); err == nil {
		to |= onceDone
	}
	return err
}

// reopen makes it undone if the executor is dead.
func (o *Once) reopen() {
	w := atomic.LoadUint64(o.word)
	owner := w & onceOwner
	if w&onceDone == 0 && owner != 0 && o.core.Dead(liveness.ID(owner)) {
		atomic.CompareAndSwapUint64(o.word, w, w&^onceOwner|onceDied)
	}
}

// Done reports whether an f has succeeded. It panics if the segment is closed.
func (o *Once) Done() bool { return o.has(onceDone) }

// OwnerDied reports whether any process has died while it ran its f. It panics if the
// segment is closed.
func (o *Once) OwnerDied() bool { return o.has(onceDied) }

// has reports whether a bit of the word is set.
func (o *Once) has(bit uint64) bool {
	w := atomic.LoadUint64(o.word)
	if o.ref.Closed() {
		o.ref.PanicClosed()
	}
	if w&onceDone != 0 {
		o.edge.Acquire()
	}
	return w&bit != 0
}

// String returns the names of the Once and of its segment.
func (o *Once) String() string { return o.ref.String() }
