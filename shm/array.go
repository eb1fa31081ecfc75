package shm

import (
	"iter"
	"reflect"
	"sync/atomic"

	"github.com/isthmus-go/isthmus/internal/arch"
	"github.com/isthmus-go/isthmus/internal/layout"
	"github.com/isthmus-go/isthmus/internal/race"
	"github.com/isthmus-go/isthmus/internal/segment"
)

// An Array is a fixed number of elements of a plain type T, shared between
// processes. The elements have the same memory layout as in a []T.
//
// Load, Store, SwapAt, CompareAndSwapAt and AddAt are atomic for elements of 1,
// 2, 4 or 8 bytes. In the Go memory model, they behave as the operations of
// sync/atomic do. Elements of other sizes are copied byte by byte: protect them
// with a Lock. CopyIn, CopyOut and View are not atomic for any size: protect them
// with a Lock too.
//
// An index out of range panics, as with a slice. Operations on an Array whose
// Segment is closed panic with an error that wraps [ErrSegmentClosed].
//
// An Array takes the bytes of its elements, rounded up to a multiple of 128 bytes
// of the segment.
type Array[T any] struct {
	ref  segment.Ref
	data []T
	edge *race.Edge
}

// NewArray returns the array with that name. If none exists, it creates an array
// of n zero elements. NewArray fails with [ErrNotPlain] if T holds a pointer of
// any kind, and with [ErrSize] if n is not positive. It fails with [ErrMismatch]
// if the name belongs to another kind of object, or to an array of another length
// or element type.
func NewArray[T any](s *Segment, name string, n int) (*Array[T], error) {
	ref := s.core.Ref(layout.KindArray, name)
	typ, err := layout.Of(reflect.TypeFor[T]())
	if err != nil {
		return nil, ref.Fault(err)
	}
	size, err := layout.Mul(n, typ.Size)
	if err != nil {
		return nil, ref.Fault(err)
	}
	obj, err := s.core.Object(segment.Spec{
		Kind: layout.KindArray, Name: name, Type: typ, Capacity: uint64(n),
		Size: layout.AlignObject(size),
	})
	if err != nil {
		return nil, err
	}
	return &Array[T]{
		ref: ref, data: elements[T](obj.Mem, n),
		edge: s.core.Local(obj, func() any { return new(race.Edge) }).(*race.Edge),
	}, nil
}

// Len returns the number of elements.
func (a *Array[T]) Len() int { return len(a.data) }

// Load returns element i.
func (a *Array[T]) Load(i int) (x T) {
	switch p := &a.data[i]; sizeOf[T]() {
	case 8:
		x = load64(p)
	case 4:
		x = load32(p)
	case 1, 2:
		x = loadSmall(p)
	default:
		x = *p
		arch.LoadFence() // it was loaded before the look at Closed
	}
	a.check()
	a.edge.Acquire()
	return x
}

// Store sets element i to x.
func (a *Array[T]) Store(i int, x T) {
	a.edge.Release()
	switch p := &a.data[i]; sizeOf[T]() {
	case 8:
		store64(p, x)
	case 4:
		store32(p, x)
	case 1, 2:
		updateElement(p, func(T) (T, bool) { return x, true })
	default:
		*p = x
	}
	a.check()
}

// CopyIn copies src to the elements from index off on. It returns how many
// elements it copied.
func (a *Array[T]) CopyIn(off int, src []T) int {
	a.edge.Release()
	n := copy(a.data[off:], src)
	a.check()
	return n
}

// CopyOut copies the elements from index off on to dst. It returns how many
// elements it copied.
func (a *Array[T]) CopyOut(off int, dst []T) int {
	n := copy(dst, a.data[off:])
	arch.LoadFence() // what was copied was loaded before the look at Closed
	a.check()
	a.edge.Acquire()
	return n
}

// All returns an iterator over the indices and elements. It reads each element by
// Load.
func (a *Array[T]) All() iter.Seq2[int, T] {
	return func(yield func(int, T) bool) {
		for i := range a.data {
			if !yield(i, a.Load(i)) {
				return
			}
		}
	}
}

// View returns the elements themselves. The caller must exclude other users, with
// a Lock of its own. The slice must not be used after the Segment's Close, or
// after the last use of a: the slice does not keep the memory mapped.
func (a *Array[T]) View() []T {
	a.check()
	return a.data
}

// Word is the set of types that SwapAt and CompareAndSwapAt work on.
type Word interface {
	Integer | ~float32 | ~float64 | ~bool
}

// SwapAt sets element i to x and returns the previous element.
func SwapAt[T Word](a *Array[T], i int, x T) (old T) {
	a.edge.Release()
	updateElement(&a.data[i], func(cur T) (T, bool) { old = cur; return x, true })
	a.check()
	a.edge.Acquire()
	return old
}

// CompareAndSwapAt sets element i to x if it equals old bit by bit. It reports
// whether it did.
func CompareAndSwapAt[T Word](a *Array[T], i int, old, x T) (swapped bool) {
	a.edge.Release()
	want := toBits(old)
	updateElement(&a.data[i], func(cur T) (T, bool) {
		swapped = toBits(cur) == want
		return x, swapped
	})
	a.check()
	a.edge.Acquire()
	return swapped
}

// AddAt adds delta to element i and returns the sum. The sum wraps around as T
// does.
func AddAt[T Integer](a *Array[T], i int, delta T) (sum T) {
	a.edge.Release()
	updateElement(&a.data[i], func(cur T) (T, bool) { sum = cur + delta; return sum, true })
	a.check()
	a.edge.Acquire()
	return sum
}

// check panics if the segment is closed.
func (a *Array[T]) check() {
	if a.ref.Closed() {
		a.ref.PanicClosed()
	}
}

// updateElement replaces the word-sized element at p by f of it, if f says so.
func updateElement[T any](p *T, f func(T) (T, bool)) {
	w := wordAround(p)
	if w.size == 8 {
		for {
			bits := atomic.LoadUint64(w.p64)
			x, ok := f(fromBits[T](bits))
			if !ok || atomic.CompareAndSwapUint64(w.p64, bits, toBits(x)) {
				return
			}
		}
	}
	for {
		bits := atomic.LoadUint32(w.p32)
		x, ok := f(extract[T](bits, w.offset))
		if !ok || atomic.CompareAndSwapUint32(w.p32, bits, insert(bits, w.offset, x)) {
			return
		}
	}
}

// String returns the names of the array and of its segment.
func (a *Array[T]) String() string { return a.ref.String() }
