package shm

import (
	"sync/atomic"
	"unsafe"

	"github.com/isthmus-go/isthmus/internal/arch"
)

// word is the atomic word that an array element lies in: its own 4 or 8 bytes,
// or, for a smaller element, the aligned 4 bytes around it.
type word struct {
	size   uintptr
	p64    *uint64
	p32    *uint32
	offset uintptr // of the element in *p32
}

// wordAround returns the word of the element at p, whose size is 1, 2, 4 or 8.
// Elements are as aligned as they are large, and arrays are rounded up to more
// than a word, so that the word lies within the array.
func wordAround[T any](p *T) word {
	size := unsafe.Sizeof(*p)
	if size == 8 {
		return word{size: size, p64: (*uint64)(unsafe.Pointer(p))}
	}
	off := uintptr(unsafe.Pointer(p)) & 3
	return word{size: size, p32: (*uint32)(unsafe.Add(unsafe.Pointer(p), -int(off))), offset: off}
}

// extract returns the T that lies offset bytes into a word.
func extract[T any](bits uint32, offset uintptr) T {
	return *(*T)(unsafe.Add(unsafe.Pointer(&bits), offset))
}

// insert returns the word with the T that lies offset bytes into it replaced.
func insert[T any](bits uint32, offset uintptr, x T) uint32 {
	*(*T)(unsafe.Add(unsafe.Pointer(&bits), offset)) = x
	return bits
}

// loadElement loads the element at p, atomically if its size is a word's.
func loadElement[T any](p *T) T {
	switch unsafe.Sizeof(*p) {
	case 8:
		return fromBits[T](atomic.LoadUint64((*uint64)(unsafe.Pointer(p))))
	case 4:
		return extract[T](atomic.LoadUint32((*uint32)(unsafe.Pointer(p))), 0)
	case 1, 2:
		w := wordAround(p)
		return extract[T](atomic.LoadUint32(w.p32), w.offset)
	}
	x := *p
	arch.LoadFence() // it was loaded before the caller looks whether the segment is closed
	return x
}

// storeElement stores to the element at p, atomically if its size is a word's.
func storeElement[T any](p *T, x T) {
	switch unsafe.Sizeof(*p) {
	case 8:
		atomic.StoreUint64((*uint64)(unsafe.Pointer(p)), toBits(x))
	case 4:
		atomic.StoreUint32((*uint32)(unsafe.Pointer(p)), insert(0, 0, x))
	case 1, 2:
		updateElement(p, func(T) (T, bool) { return x, true })
	default:
		*p = x
	}
}
