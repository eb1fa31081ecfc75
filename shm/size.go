package shm

import (
	"reflect"

	"github.com/isthmus-go/isthmus/internal/arch"
	"github.com/isthmus-go/isthmus/internal/layout"
)

// LockSize is how many bytes of a segment a [Lock] takes. The size to give Create is
// the sum of the sizes of the objects.
const LockSize = arch.CacheLine

// ValueSize returns how many bytes of a segment a [Value] of a T takes. Like the sizes of
// all objects whose elements have a type, that includes a description of T where it is a
// long one. It is 0 for a T that is not plain.
func ValueSize[T any]() int64 {
	return roomOf[T](valueSize(sizeOf[T]()))
}

// ArraySize returns how many bytes of a segment an [Array] of n elements takes. It is
// 0 for an n that no array has, and for a T that is not plain.
func ArraySize[T any](n int) int64 {
	size, err := layout.Mul(n, sizeOf[T]())
	if err != nil {
		return 0
	}
	return roomOf[T](size)
}

// TableSize returns how many bytes of a segment a [Table] of n entries takes. It is 0
// for an n that no table has, and for a T that is not plain.
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
