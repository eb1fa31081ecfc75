package layout

import (
	"sync/atomic"
	"unsafe"
)

// Word returns the 32-bit word at off, which is a multiple of 4 in memory that
// is itself aligned to 4.
func Word(mem []byte, off int) *atomic.Uint32 {
	return (*atomic.Uint32)(unsafe.Pointer(&mem[off : off+4][0]))
}

// Word64 returns the 64-bit word at off, which is a multiple of 8 in memory that
// is itself aligned to 8.
func Word64(mem []byte, off int) *atomic.Uint64 {
	return (*atomic.Uint64)(unsafe.Pointer(&mem[off : off+8][0]))
}
