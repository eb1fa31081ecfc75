package shm

import (
	"context"
	"fmt"
	"hash/fnv"
	"io/fs"
	"runtime"

	"github.com/isthmus-go/isthmus/internal/layout"
	"github.com/isthmus-go/isthmus/internal/race"
	"github.com/isthmus-go/isthmus/internal/segment"
)

// A Cond is a condition variable: goroutines of any processes wait for, or announce, that
// something has happened. It behaves as a [sync.Cond] does.
//
// A Cond belongs to one [Lock], L, which protects what is waited for. Wait unlocks it and
// locks it again. As with a sync.Cond, what a goroutine waits for may be over again when its
// Wait returns, so it looks in a loop:
//
//	c.L.Lock()
//	for !condition() {
//		c.Wait()
//	}
//	// the condition holds
//	c.L.Unlock()
//
// Signal wakes one goroutine, if any waits, and Broadcast wakes all. Both may be called with
// or without L. Signals go to the waiting processes in turn, and in each process to the goroutine
// that has waited the longest. A Wait that returns nil was woken by a Signal or a Broadcast
// that came after it had begun.
//
// If a process dies, or closes its Segment, after it was woken and before its Wait has L again,
// the signal is passed on within 50 ms to somebody who waits. If it dies inside Broadcast,
// those who wait finish that within 50 ms. (A process with more than a hundred goroutines that
// sleep for different objects may take longer to notice, by 20 ms for each 40 of its Conds.) So no
// wake-up is lost by a death, but there may be more: a signal that is passed on may come to
// somebody who had been woken already, or has begun to wait since, and it may be passed on
// again, if another process dies, attaches or is stopped meanwhile: at most once by each process
// that waits. A process that is stopped keeps the signals that it has got, and those that it
// gets.
//
// A process that dies while it holds L may have left what L protects half changed, and
// has not called Signal. [Cond.WaitContext] reports the death as [ErrOwnerDied] once it has L
// again, but nobody is woken by it.
//
// In the terms of the Go memory model, a call of Signal or Broadcast synchronizes before the
// return of each Wait that it ends.
//
// Signal and Broadcast make no system call if nobody sleeps. Those that begin to wait while a
// Broadcast goes on may be woken by it, and a Signal meanwhile wakes all, as a Broadcast does:
// also if a process is stopped inside Broadcast. A Cond takes 384 bytes of the segment, plus 128 bytes for each
// process that the segment has room for. Up to two million goroutines of one process may
// wait.
type Cond struct {
	L *Lock // must not be changed

	ref segment.Ref
	condState
	edge race.Edge
}

// NewCond returns the condition variable with that name, which belongs to the lock l of the
// same Segment. It creates one if none exists. All calls on one Segment return the same
// *Cond. NewCond fails with [ErrMismatch] if one exists that belongs to a lock of another
// name, or if l is of another Segment.
func NewCond(s *Segment, name string, l *Lock) (*Cond, error) {
	ref := s.core.Ref(layout.KindCond, name)
	if l == nil {
		return nil, ref.Fault(fmt.Errorf("nil lock: %w", fs.ErrInvalid))
	}
	if !l.ref.In(s.core) {
		return nil, ref.Fault(fmt.Errorf("%v is of another Segment: %w", l, ErrMismatch))
	}
	hash := fnv.New64a()
	hash.Write([]byte(l.ref.Name()))
	obj, err := s.core.Object(segment.Spec{
		Kind: layout.KindCond, Name: name, Flags: hash.Sum64(),
		Size: condSize(s.core.MaxProcs()),
	})
	if err != nil {
		return nil, err
	}
	return s.core.Local(obj, func() any {
		c := &Cond{L: l, ref: ref}
		c.init(s.core, obj.Mem)
		return c
	}).(*Cond), nil
}

// Wait unlocks c.L, waits for a Signal or a Broadcast, and locks c.L again. If another process
// has died while it held c.L, Wait does not report it; WaitContext does. Wait panics if this
// process does not hold c.L, or if the segment is closed.
func (c *Cond) Wait() {
	if c.wait(context.Background()) != nil { // without a Done channel
		c.mustBeOpen()
	}
}

// WaitContext waits as Wait does. It returns with c.L held, whatever it returns, unless the
// segment is closed.
//
// If ctx ends first, or before, WaitContext returns an error that wraps the error of ctx. To
// lock c.L again, it may have to wait longer than that. A signal is not lost: if
// this goroutine has got it, WaitContext returns no error of ctx. If ctx ends while a Broadcast
// goes on, WaitContext may return that error although the Broadcast has woken others before.
//
// If a process died while it held c.L, the error wraps [ErrOwnerDied], as that of
// [Lock.LockContext] does; it wraps both errors if ctx has ended as well. If the Segment is
// closed, the error wraps [ErrSegmentClosed], and c.L is not held.
func (c *Cond) WaitContext(ctx context.Context) error {
	err := c.ref.CheckContext(ctx)
	if err != nil {
		return err
	}
	err = c.wait(ctx)
	switch died := c.L.lock.OwnerDied(); {
	case err != nil && c.ref.Closed():
		return c.ref.Check()
	case died && err != nil:
		return c.ref.Fault(fmt.Errorf("%w, and %w", err, ErrOwnerDied))
	case died:
		return c.ref.Fault(ErrOwnerDied)
	case err != nil:
		return c.ref.Fault(err)
	}
	return nil
}

// wait is WaitContext that does not report the death of an owner.
func (c *Cond) wait(ctx context.Context) error {
	if c.L.lock.Held() == 0 {
		return c.notHeld()
	}
	place := c.join()
	c.L.edge.Release()
	if !c.L.lock.Unlock() { // another goroutine has unlocked it just now
		if c.leave(place) {
			c.give(1)
			c.finish()
		}
		return c.notHeld()
	}
	err := c.await(ctx, place)
	signalled := c.leave(place)
	if !c.L.lock.TryFree() {
		_ = c.L.lock.Await(context.Background()) // without a Done channel it cannot fail
	}
	if c.ref.Closed() { // and L may be another's: the signal goes to others
		return c.ref.Check()
	}
	c.L.edge.Acquire()
	if !signalled {
		if err == nil { // it is closed now
			err = c.ref.Check()
		}
		return err
	}
	c.finish()
	c.edge.Acquire()
	return nil
}

// notHeld is what comes of a Wait without L.
func (c *Cond) notHeld() error {
	if !c.ref.Closed() {
		c.ref.Misuse("Wait on a Cond whose Lock this process does not hold")
	}
	return c.ref.Check()
}

// Signal wakes one goroutine that waits, if there is any. It panics if the segment is closed.
func (c *Cond) Signal() {
	c.mustBeOpen() // now: who is woken may close the segment
	c.edge.Release()
	c.give(1)
	runtime.KeepAlive(c)
}

// Broadcast wakes all goroutines that wait. It panics if the segment is closed.
func (c *Cond) Broadcast() {
	c.mustBeOpen() // as in Signal
	c.edge.Release()
	c.broadcast()
	runtime.KeepAlive(c)
}

func (c *Cond) mustBeOpen() {
	if c.ref.Closed() {
		c.ref.PanicClosed()
	}
}

// String returns the names of the cond and of its segment.
func (c *Cond) String() string { return c.ref.String() }
