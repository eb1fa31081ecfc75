package shm

import "unsafe"

var _ [unsafe.Sizeof(tableEntry{})]byte = [entrySize]byte{}

// parts returns the parts of a Table in mem. Each is a multiple of 8 bytes.
func (s tableShape) parts(mem []byte) (entries []tableEntry, claims []uint64, spares []uint32, copies []byte) {
	entries = elements[tableEntry](mem, s.n)
	mem = mem[s.n*entrySize:]
	claims = elements[uint64](mem, s.allSlots())
	mem = mem[8*s.allSlots():]
	spares = elements[uint32](mem, s.groups)
	return entries, claims, spares, mem[s.spareBytes():]
}
