package shm

import (
	"context"
	"iter"
	"reflect"

	"github.com/isthmus-go/isthmus/internal/arch"
	"github.com/isthmus-go/isthmus/internal/layout"
	"github.com/isthmus-go/isthmus/internal/segment"
)

// A Table is a fixed number of entries of a plain type T, shared between
// processes. Each entry has a version.
//
// All operations on an entry are atomic, whatever the size of T. In the Go memory
// model, they behave as those of sync/atomic do. A reader never sees half of a
// write. A reader never waits for a writer, even if the writer was stopped or
// killed in the middle of a write: the reader starts again if writers overtake
// it. Writers of one entry take turns; if a process dies during its turn, the
// next writer takes the turn over. Writers of different entries do not wait for
// each other, as long as at most four of 8 neighbouring entries are in the middle
// of a write. A fifth writer waits until one of the four has finished.
//
// The version of an entry is 0 at first. Each write increases it by one. Pass to
// [Table.Wait] a version that [Table.LoadVersion], Store or Wait has returned.
//
// An index out of range panics, as with a slice. If the Segment is closed, Wait
// returns an error that wraps [ErrSegmentClosed]; all other operations panic with
// such an error.
//
// A Table of n entries takes 40n + (n + max(3, n/2))(8 + S) bytes of the segment,
// where S is the size of T rounded up to a multiple of 8. If n is at least 6,
// that is at most 1.5 S + 52 bytes for each entry.
type Table[T any] struct {
	ref segment.Ref
	*table
}

// NewTable returns the table with that name. If none exists, it creates a table
// of n zero entries. NewTable fails with [ErrNotPlain] if T holds a pointer of
// any kind, and with [ErrSize] if n is not positive. It fails with [ErrMismatch]
// if the name belongs to another kind of object, or to a table of another length
// or entry type.
func NewTable[T any](s *Segment, name string, n int) (*Table[T], error) {
	ref := s.core.Ref(layout.KindTable, name)
	typ, err := layout.Of(reflect.TypeFor[T]())
	if err != nil {
		return nil, ref.Fault(err)
	}
	shape, err := shapeOf(n, typ.Size)
	if err != nil {
		return nil, ref.Fault(err)
	}
	obj, err := s.core.Object(segment.Spec{
		Kind: layout.KindTable, Name: name, Type: typ, Capacity: uint64(n),
		Size: shape.size, Init: shape.initialize,
	})
	if err != nil {
		return nil, err
	}
	t := s.core.Local(obj, func() any { return newTable(s.core, shape, obj.Mem) }).(*table)
	return &Table[T]{ref, t}, nil
}

// Len returns the number of entries.
func (t *Table[T]) Len() int { return len(t.entries) }

// Load returns entry i.
func (t *Table[T]) Load(i int) T {
	x, _ := t.LoadVersion(i)
	return x
}

// LoadVersion returns entry i and its version.
func (t *Table[T]) LoadVersion(i int) (x T, version uint64) {
	x, version = t.load(i)
	t.check()
	t.edge.Acquire()
	return x, version
}

// Store sets entry i to x and returns the entry's new version.
func (t *Table[T]) Store(i int, x T) (version uint64) {
	t.edge.Release()
	if t.lock(i) {
		version = t.put(i, x)
		t.unlock(i)
	}
	t.check()
	return version
}

// Swap sets entry i to x and returns the previous entry.
func (t *Table[T]) Swap(i int, x T) (old T) {
	t.edge.Release()
	if t.lock(i) {
		old = *t.current(i)
		t.put(i, x)
		t.unlock(i)
	}
	t.check()
	t.edge.Acquire()
	return old
}

// Update sets entry i to f(entry) and returns the new entry. No other write to
// the entry comes between. f must not write to the entry.
func (t *Table[T]) Update(i int, f func(T) T) (x T) {
	t.edge.Release()
	if t.lock(i) {
		x = t.replace(i, f)
	}
	t.check()
	t.edge.Acquire()
	return x
}

// All returns an iterator over the indices and entries. It reads each entry by
// Load.
func (t *Table[T]) All() iter.Seq2[int, T] {
	return func(yield func(int, T) bool) {
		for i := range t.entries {
			if !yield(i, t.Load(i)) {
				return
			}
		}
	}
}

// Wait waits until the version of entry i differs from version. It returns the
// entry and its version. If ctx ends first, Wait returns an error that wraps the
// error of ctx. If several writes follow each other fast, Wait may return only
// the last one. The version tells how many writes there were.
func (t *Table[T]) Wait(ctx context.Context, i int, version uint64) (x T, now uint64, err error) {
	if err := t.ref.CheckContext(ctx); err != nil {
		return x, 0, err
	}
	err = t.await(ctx, i, version)
	if err == nil {
		x, now = t.load(i)
	}
	if closed := t.ref.Check(); closed != nil {
		return *new(T), 0, closed
	}
	if err != nil {
		return x, 0, t.ref.Fault(err)
	}
	t.edge.Acquire()
	return x, now, nil
}

// check panics if the segment is closed. Once it is, the memory is private to this
// process, so an operation that came too late has changed nothing.
func (t *Table[T]) check() {
	if t.core.Closed() {
		t.ref.PanicClosed()
	}
}

// load returns entry i and its version, whole. Its attempts end where somebody
// scribbles over the memory, with garbage then.
func (t *Table[T]) load(i int) (x T, version uint64) {
	for range maxAttempts {
		w := t.index(i)
		slot := t.slotOf(i, w)
		x, version = *t.copy(slot), versionOf(w)
		arch.LoadFence()
		if t.index(i) == w || t.unclaimed(i, slot, w) {
			break
		}
	}
	return x, version
}

// current returns the copy that entry i has. The caller has the entry's lock.
func (t *Table[T]) current(i int) *T { return t.copy(t.slotOf(i, t.index(i))) }

// put sets entry i, whose lock the caller has, and returns its version.
func (t *Table[T]) put(i int, x T) (version uint64) {
	w := t.index(i)
	slot := t.claim(i, w)
	if t.core.Closed() {
		return 0 // maybe without a slot
	}
	*t.copy(slot) = x
	return t.publish(i, w, slot)
}

// replace puts f of entry i, whose lock the caller has, and gives the lock up.
func (t *Table[T]) replace(i int, f func(T) T) (x T) {
	defer t.unlock(i)
	cur := *t.current(i)
	if t.core.Closed() {
		return x // f must not see the pages that Close puts in the memory's place
	}
	x = f(cur)
	t.put(i, x)
	return x
}

func (t *Table[T]) copy(slot int) *T { return layout.At[T](t.copies, uint64(slot*t.stride)) }

// String returns the names of the table and of its segment.
func (t *Table[T]) String() string { return t.ref.String() }
