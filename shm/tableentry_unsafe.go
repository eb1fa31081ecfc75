package shm

import "unsafe"

var _ [unsafe.Sizeof(tableEntry{})]byte = [entrySize]byte{}

// parts returns the parts of a Table in mem. Each is a multiple of 8 bytes.
func (s tableShape) parts(mem []byte) (entries []tableEntry, claims []uint64, copies []byte) {
	entries = elements[tableEntry](mem, s.n)
	mem = mem[s.n*entrySize:]
	claims = elements[uint64](mem, s.allSlots())
	return entries, claims, mem[8*s.allSlots():]
}
