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
