package shm

import (
	"context"
	"sync/atomic"
)

// LoadVersion returns the value and its version, for [Value.Wait].
//
// The version of a T of more than 8 bytes is 0 at first, and rises by one with each
// write. A T of up to 8 bytes is one atomic word, with which no counter can change at
// the same instant: its version is the word itself. It differs from another version if
// the value does, and so a value that changes back has its old version again. Use a
// [Table] of one entry where each write counts.
func (v *Value[T]) LoadVersion() (x T, version uint64) {
	x, version = v.versioned()
	v.check()
	v.edge.Acquire()
	return x, version
}

// Wait waits until the value has another version than the one given, and returns it
// with its version. If ctx ends first Wait returns its error, and if the Segment is
// closed [ErrSegmentClosed]. A value that changes again before the waiter has looked is
// seen as it is then. A goroutine that waits keeps a thread asleep.
func (v *Value[T]) Wait(ctx context.Context, version uint64) (x T, now uint64, err error) {
	if err := v.ref.CheckContext(ctx); err != nil {
		return x, 0, err
	}
	try := func() bool { now = v.version(); return now != version || v.ref.Closed() }
	if !try() {
		err = v.changed.AwaitEach(ctx, try, func() {})
	}
	if v.cell == nil {
		x, now = v.big.load()
	} else {
		x = fromBits[T](now) // it may have changed back
	}
	if closed := v.ref.Check(); closed != nil {
		return *new(T), 0, closed
	}
	if err != nil {
		return *new(T), 0, v.ref.Fault(err)
	}
	v.edge.Acquire()
	return x, now, nil
}

// versioned returns the value and its version.
func (v *Value[T]) versioned() (x T, version uint64) {
	if v.cell == nil {
		return v.big.load()
	}
	bits := atomic.LoadUint64(v.cell)
	return fromBits[T](bits), bits
}

func (v *Value[T]) version() uint64 {
	if v.cell == nil {
		return atomic.LoadUint64(v.big.seq)
	}
	return atomic.LoadUint64(v.cell)
}
