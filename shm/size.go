package shm

import (
	"github.com/isthmus-go/isthmus/internal/arch"
	"github.com/isthmus-go/isthmus/internal/layout"
)

// LockSize is how many bytes of a segment a [Lock] takes. The size to give Create is
// the sum of the sizes of the objects.
const LockSize = arch.CacheLine

// ValueSize returns how many bytes of a segment a [Value] of a T takes.
func ValueSize[T any]() int64 {
	return int64(layout.AlignObject(valueSize(sizeOf[T]())))
}

// ArraySize returns how many bytes of a segment an [Array] of n elements takes. It is
// 0 for an n that no array has.
func ArraySize[T any](n int) int64 {
	size, err := layout.Mul(n, sizeOf[T]())
	if err != nil {
		return 0
	}
	return int64(layout.AlignObject(size))
}

// TableSize returns how many bytes of a segment a [Table] of n entries takes. It is 0
// for an n that no table has.
func TableSize[T any](n int) int64 {
	shape, err := shapeOf(n, sizeOf[T]())
	if err != nil {
		return 0
	}
	return int64(layout.AlignObject(shape.size))
}
