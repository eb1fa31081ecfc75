package shm

import (
	"sync/atomic"
	"unsafe"
)

// sizeOf returns the size of a T in bytes.
func sizeOf[T any]() uintptr {
	return unsafe.Sizeof(*(*T)(nil)) // a T of its own might go to the heap
}

// elements returns mem as n elements.
func elements[T any](mem []byte, n int) []T {
	_ = mem[uintptr(n)*sizeOf[T]()-1]
	return unsafe.Slice((*T)(unsafe.Pointer(&mem[0])), n)
}

// toBits returns x, of at most 8 bytes, in memory order in a zeroed word.
func toBits[T any](x T) (bits uint64) {
	*(*T)(unsafe.Pointer(&bits)) = x
	return bits
}

// fromBits is the inverse of toBits.
func fromBits[T any](bits uint64) T { return *(*T)(unsafe.Pointer(&bits)) }

// addBits adds delta to the T that a cell holds in its first bytes.
func addBits[T Integer](cell *uint64, delta T) T {
	switch sizeOf[T]() {
	case 8:
		return T(atomic.AddUint64(cell, uint64(delta)))
	case 4:
		return T(atomic.AddUint32((*uint32)(unsafe.Pointer(cell)), uint32(delta)))
	}
	for {
		bits := atomic.LoadUint64(cell)
		x := fromBits[T](bits) + delta
		if atomic.CompareAndSwapUint64(cell, bits, toBits(x)) {
			return x
		}
	}
}
