package shm

import (
	"reflect"

	"github.com/isthmus-go/isthmus/internal/arch"
	"github.com/isthmus-go/isthmus/internal/layout"
)

// LockSize is the size of a Lock, in bytes of the segment. The size to pass to
// [Create] is the sum of the sizes of all objects.
const LockSize = arch.CacheLine

// RecursiveLockSize is the size of a RecursiveLock, in bytes of the segment.
const RecursiveLockSize = arch.CacheLine

// RWLockSize returns the size of an RWLock, in bytes of a segment that has room for
// maxProcs processes.
func RWLockSize(maxProcs int) int64 { return int64(rwSize(maxProcs)) }

// BarrierSize returns the size of a [Barrier], in bytes of a segment that has room for
// maxProcs processes.
func BarrierSize(maxProcs int) int64 { return int64(barrierSize(maxProcs)) }

// CondSize returns the size of a [Cond], in bytes of a segment that has room for maxProcs
// processes.
func CondSize(maxProcs int) int64 { return int64(condSize(maxProcs)) }

// ValueSize returns the size of a Value of type T, in bytes of the segment. If T
// has a long type description, the size includes it; the same is true for the
// other objects that have an element type. ValueSize returns 0 if T is not plain.
func ValueSize[T any]() int64 {
	return roomOf[T](valueSize(sizeOf[T]()))
}

// ArraySize returns the size of an Array of n elements, in bytes of the segment.
// It returns 0 if an array cannot have n elements, or if T is not plain.
func ArraySize[T any](n int) int64 {
	size, err := layout.Mul(n, sizeOf[T]())
	if err != nil {
		return 0
	}
	return roomOf[T](size)
}

// TableSize returns the size of a Table of n entries, in bytes of the segment. It
// returns 0 if a table cannot have n entries, or if T is not plain.
func TableSize[T any](n int) int64 {
	shape, err := shapeOf(n, sizeOf[T]())
	if err != nil {
		return 0
	}
	return roomOf[T](shape.size)
}

// roomOf returns the room that an object of elements of type T takes, which has size bytes.
func roomOf[T any](size uint64) int64 {
	typ, err := layout.Of(reflect.TypeFor[T]())
	if err != nil {
		return 0
	}
	return int64(layout.Room(size, typ))
}
