package shm

import (
	"sync/atomic"
	"unsafe"
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

// load64 loads the element of 8 bytes at p.
func load64[T any](p *T) T { return fromBits[T](atomic.LoadUint64((*uint64)(unsafe.Pointer(p)))) }

// load32 loads the element of 4 bytes at p.
func load32[T any](p *T) T {
	return extract[T](atomic.LoadUint32((*uint32)(unsafe.Pointer(p))), 0)
}

// loadSmall loads the element of 1 or 2 bytes at p.
func loadSmall[T any](p *T) T {
	w := wordAround(p)
	return extract[T](atomic.LoadUint32(w.p32), w.offset)
}

// store64 stores to the element of 8 bytes at p.
func store64[T any](p *T, x T) { atomic.StoreUint64((*uint64)(unsafe.Pointer(p)), toBits(x)) }

// store32 stores to the element of 4 bytes at p.
func store32[T any](p *T, x T) { atomic.StoreUint32((*uint32)(unsafe.Pointer(p)), insert(0, 0, x)) }
