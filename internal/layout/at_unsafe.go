package layout

import "unsafe"

// At returns the T at off, which is a multiple of T's alignment in memory that is itself
// so aligned.
func At[T any](mem []byte, off uint64) *T {
	_ = mem[off+uint64(unsafe.Sizeof(*(*T)(nil))-1)] // a T of its own might go to the heap
	return (*T)(unsafe.Pointer(&mem[off]))
}
