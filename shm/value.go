package shm

import (
	"reflect"
	"runtime"
	"sync/atomic"

	"github.com/isthmus-go/isthmus/internal/arch"
	"github.com/isthmus-go/isthmus/internal/layout"
	"github.com/isthmus-go/isthmus/internal/ownerlock"
	"github.com/isthmus-go/isthmus/internal/race"
	"github.com/isthmus-go/isthmus/internal/segment"
	"github.com/isthmus-go/isthmus/internal/wait"
)

// A Value is one variable of a plain type T, shared between processes. A plain
// type is a number, a bool, or an array or struct of plain types.
//
// All operations are atomic, whatever the size of T. A Load never sees half of a
// Store, even if the process of the Store was killed in the middle of it. In the
// terms of the Go memory model, the operations behave as those of sync/atomic do:
// if a Load sees the effect of a Store, the Store synchronizes before the Load.
//
// A T of up to 8 bytes is one atomic word, and no operation waits. A larger T is
// kept in several copies. Load never waits, but starts again if writers overtake
// it. Store, Swap, CompareAndSwap and Update take turns; if a process dies during
// its turn, the next writer takes the turn over. Operations on a Value whose
// Segment is closed panic with an error that wraps [ErrSegmentClosed].
//
// [Value.Wait] waits for a change.
//
// A Value of up to 8 bytes takes 128 bytes of the segment. A larger Value takes
// 256 bytes plus four times the size of T rounded up to a multiple of 64.
type Value[T any] struct {
	ref  segment.Ref
	cell *uint64 // nil for a large T
	mask uint64  // which bytes of the cell are not padding
	big  *bigValue[T]
	*valueLocal
}

// valueLocal is shared by all handles of one Value in one Segment.
type valueLocal struct {
	edge    race.Edge
	lock    ownerlock.Lock // of the writers of a large T
	changed wait.Event     // slept on by those who wait for another version
}

// NewValue returns the value with that name. It creates a zero value if none
// exists. NewValue fails with [ErrNotPlain] if T holds a pointer of any kind. It
// fails with [ErrMismatch] if the name belongs to another kind of object, or to a
// value of another type.
func NewValue[T any](s *Segment, name string) (*Value[T], error) {
	ref := s.core.Ref(layout.KindValue, name)
	typ, err := layout.Of(reflect.TypeFor[T]())
	if err != nil {
		return nil, ref.Fault(err)
	}
	size := valueSize(typ.Size)
	obj, err := s.core.Object(segment.Spec{
		Kind: layout.KindValue, Name: name, Type: typ, Size: size,
	})
	if err != nil {
		return nil, err
	}
	v := &Value[T]{ref: ref}
	v.valueLocal = s.core.Local(obj, func() any {
		local := &valueLocal{}
		local.initEvent(s.core, obj.Mem, typ.Size > 8)
		if typ.Size > 8 {
			local.lock.Init(s.core, obj.Mem)
		}
		return local
	}).(*valueLocal)
	if typ.Size <= 8 {
		v.cell, v.mask = layout.At[uint64](obj.Mem, 0), typ.Mask
	} else {
		v.big = newBigValue[T](&v.lock, obj.Mem)
	}
	return v, nil
}

// valueSize is the number of bytes that a value takes whose type has size bytes.
func valueSize(size uintptr) uint64 {
	if size > 8 {
		return bigValueSize(size)
	}
	return arch.CacheLine
}

// Load returns the value.
func (v *Value[T]) Load() T {
	if v.cell == nil {
		return v.loadBig()
	}
	bits := atomic.LoadUint64(v.cell)
	v.check()
	v.edge.Acquire()
	return fromBits[T](bits)
}

// Store sets the value to x.
func (v *Value[T]) Store(x T) {
	v.check() // now: who waits for it may close the segment next
	v.edge.Release()
	if v.cell == nil {
		if !v.big.update(func(T) (T, bool) { return x, true }) {
			v.ref.PanicClosed()
		}
	} else {
		atomic.StoreUint64(v.cell, toBits(x)&v.mask)
	}
	v.announce()
	runtime.KeepAlive(v)
}

// Swap sets the value to x and returns the previous value.
func (v *Value[T]) Swap(x T) (old T) {
	v.edge.Release()
	if v.cell == nil {
		v.big.update(func(cur T) (T, bool) { old = cur; return x, true })
	} else {
		old = fromBits[T](atomic.SwapUint64(v.cell, toBits(x)&v.mask))
	}
	v.announce()
	v.check()
	v.edge.Acquire()
	return old
}

// CompareAndSwap sets the value to x if it equals old. It reports whether it did.
// It compares a T of up to 8 bytes bit by bit, without the padding. It compares a
// larger T by ==.
func (v *Value[T]) CompareAndSwap(old, x T) (swapped bool) {
	v.edge.Release()
	if v.cell == nil {
		v.big.update(func(cur T) (T, bool) {
			swapped = any(cur) == any(old)
			return x, swapped
		})
	} else {
		swapped = atomic.CompareAndSwapUint64(v.cell, toBits(old)&v.mask, toBits(x)&v.mask)
	}
	v.announce()
	v.check()
	v.edge.Acquire()
	return swapped
}

// Update sets the value to f(value) and returns the new value. No other write
// comes between. f must not use v. With a T of up to 8 bytes, Update may call f
// more than once: again after each write that came between.
func (v *Value[T]) Update(f func(T) T) (x T) {
	v.edge.Release()
	if v.cell == nil {
		v.big.update(func(cur T) (T, bool) { x = f(cur); return x, true })
	} else {
		for {
			bits := atomic.LoadUint64(v.cell)
			v.check()
			v.edge.Acquire()
			x = f(fromBits[T](bits))
			v.edge.Release()
			if atomic.CompareAndSwapUint64(v.cell, bits, toBits(x)&v.mask) {
				break
			}
		}
	}
	v.announce()
	v.check()
	v.edge.Acquire()
	return x
}

// Integer is the set of types that Add and AddAt work on.
type Integer interface {
	~int | ~int8 | ~int16 | ~int32 | ~int64 | ~uint | ~uint8 | ~uint16 | ~uint32 | ~uint64
}

// Add adds delta to the value and returns the sum. The sum wraps around as T
// does.
func Add[T Integer](v *Value[T], delta T) T {
	v.edge.Release()
	x := addBits(v.cell, delta)
	v.announce()
	v.check()
	v.edge.Acquire()
	return x
}

// loadBig is Load for a T of more than 8 bytes.
func (v *Value[T]) loadBig() T {
	x, _ := v.big.load()
	v.check()
	v.edge.Acquire()
	return x
}

// announce wakes those who wait for a change. The change of a word is sequentially
// consistent with the load of the Event's; that of a large T is followed by the
// writers' unlock, a read-modify-write where the sleepers do not fence for wakers.
func (v *Value[T]) announce() {
	if v.changed.Waiting() {
		v.wakeAll()
	}
}

// wakeAll is a call of its own, so that announce is none.
//
//go:noinline
func (l *valueLocal) wakeAll() { l.changed.Notify(wait.Everybody) }

// check panics if the segment is closed. Once it is, the memory is private to
// this process, so an operation that came too late has changed nothing.
func (v *Value[T]) check() {
	if v.ref.Closed() {
		v.ref.PanicClosed()
	}
}

// String returns the names of the value and of its segment.
func (v *Value[T]) String() string { return v.ref.String() }
