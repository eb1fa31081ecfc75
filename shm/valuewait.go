package shm

import (
	"context"
	"sync/atomic"

	"github.com/isthmus-go/isthmus/internal/layout"
	"github.com/isthmus-go/isthmus/internal/segment"
	"github.com/isthmus-go/isthmus/internal/wait"
)

// LoadVersion returns the value and its version, for [Value.Wait].
//
// The version of a T of more than 8 bytes is 0 at first. Each write increases it
// by one. A T of up to 8 bytes is one atomic word, and no counter can change in
// the same instant: its version is the word itself. Two such versions differ only
// if the values differ. A value that changes and changes back has its old version
// again. If each write must count, use a [Table] of one entry.
func (v *Value[T]) LoadVersion() (x T, version uint64) {
	x, version = v.versioned()
	v.check()
	v.edge.Acquire()
	return x, version
}

// Wait waits until the value's version differs from version. It returns the value
// and its version. If ctx ends first, Wait returns an error that wraps the error
// of ctx. If the Segment is closed, the error wraps [ErrSegmentClosed]. If the
// value changes several times before the waiter reads it, the waiter sees only
// the value at that moment.
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

// changedSince reports whether the value has another version, or the segment is closed.
func (v *Value[T]) changedSince(version uint64) bool {
	return v.version() != version || v.ref.Closed()
}

func (v *Value[T]) version() uint64 {
	if v.cell == nil {
		return atomic.LoadUint64(v.big.seq)
	}
	return atomic.LoadUint64(v.cell)
}

// initEvent makes this process's side of the Event of a Value, which lies behind its
// cell or its sequence number.
func (l *valueLocal) initEvent(core *segment.Segment, mem []byte, large bool) {
	off := uint64(smallEvent)
	if large {
		off = largeEvent
	}
	l.changed = wait.NewEvent(layout.At[uint32](mem, off), core)
}

const (
	smallEvent = 8
	largeEvent = seqOffset + 8
)
