package shm

import (
	"context"
	"sync/atomic"

	"github.com/isthmus-go/isthmus/internal/arch"
	"github.com/isthmus-go/isthmus/internal/layout"
	"github.com/isthmus-go/isthmus/internal/ownerlock"
)

// bigValue is the memory of a Value too large for one atomic word: a sequence
// number and four copies, of which copy seq%4 is current.
//
//	0    ownerlock of the writers
//	128  seq, and the Event of those who wait for another
//	256  copy 0, 1, 2, 3, each at a multiple of 64
//
// States. Stable: nobody has the lock, copy seq%4 is whole. Writing: the owner
// of the lock changes copy (seq+1)%4. The store of seq+1 is the only step from
// one value to the next.
//
// Invariants
//
//  1. Only the owner of the lock writes, and only to copy (seq+1)%4 and seq.
//  2. Copy n%4 is whole, and does not change, from the store of seq = n until
//     some writer begins on n+4, which is after the store of seq = n+3.
//  3. A writer killed before the store of seq has changed nothing that is ever
//     read: the next writer overwrites the same copy. Killed after it, before
//     the unlock, it leaves a dead owner, and the lock is taken over.
//
// Memory orderings. The release store of seq = n pairs with the acquire load of
// seq by a reader, so the reader sees copy n whole. The reader's copying is
// followed by a load fence and a second load of seq, which pairs with the
// release store of n+3: if a byte that the reader copied came from the writer
// of n+4, the second load returns n+3 or more, and the reader begins again.
// That writer's stores come after its acquisition of the lock, a read-modify-
// write, and so after the store of n+3.
type bigValue[T any] struct {
	lock *ownerlock.Lock
	seq  *uint64
	copy [copies]*T
}

const (
	copies     = 4
	seqOffset  = arch.CacheLine
	copyOffset = 2 * arch.CacheLine
)

// copyStride is the distance between two copies.
func copyStride(size uintptr) uint64 { return (uint64(size) + arch.Line - 1) &^ (arch.Line - 1) }

func bigValueSize(size uintptr) uint64 { return copyOffset + copies*copyStride(size) }

// load returns the current copy and its sequence number. Writers would have to overtake it three times
// during each of its attempts; giving up is for memory that somebody scribbles
// over.
func (b *bigValue[T]) load() (x T, seq uint64) {
	for range maxAttempts {
		seq = atomic.LoadUint64(b.seq)
		x = *b.copy[seq%copies]
		arch.LoadFence()
		if atomic.LoadUint64(b.seq)-seq < copies-1 {
			break
		}
	}
	return x, seq
}

const maxAttempts = 1 << 24

// update replaces the value by f of it, if f says so, with every other writer kept out. It
// reports false if it has not called f, since the segment is closed.
func (b *bigValue[T]) update(f func(cur T) (T, bool)) bool {
	if !b.lock.TryLock() {
		_ = b.lock.Await(context.Background()) // without a Done channel it cannot fail
	}
	if b.lock.Closed() {
		return false // maybe without the lock
	}
	defer b.lock.Unlock()
	seq := atomic.LoadUint64(b.seq)
	cur := *b.copy[seq%copies]
	if b.lock.Closed() {
		return false // f must not see the pages that Close puts in the memory's place
	}
	if x, ok := f(cur); ok {
		*b.copy[(seq+1)%copies] = x
		arch.StoreRelease64(b.seq, seq+1)
	}
	return true
}

func newBigValue[T any](lock *ownerlock.Lock, mem []byte) *bigValue[T] {
	b := &bigValue[T]{lock: lock, seq: layout.At[uint64](mem, seqOffset)}
	stride := copyStride(sizeOf[T]())
	for i := range b.copy {
		b.copy[i] = layout.At[T](mem, copyOffset+uint64(i)*stride)
	}
	return b
}
