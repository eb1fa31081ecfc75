package main

import (
	"sync/atomic"
	"unsafe"
)

// sharedWord returns the 64-bit word at offset off of mem, which must be a
// multiple of 8 below len(mem) in a page-aligned mapping.
func sharedWord(mem []byte, off int) *atomic.Uint64 {
	return (*atomic.Uint64)(unsafe.Pointer(&mem[off : off+8][0]))
}

// sharedFutex returns the 32-bit word at offset off of mem, likewise.
func sharedFutex(mem []byte, off int) *uint32 {
	return (*uint32)(unsafe.Pointer(&mem[off : off+4][0]))
}
