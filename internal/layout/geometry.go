// Package layout defines what the bytes of a segment file mean: the header
// page, the process table, the directory of named objects and the arena, and
// which Go types may be stored in the arena.
//
// It owns no memory and makes no system call. Everything it reads may have been
// written by a foreign or hostile process: it is copied once, validated, then
// used.
package layout

import (
	"fmt"
	"math"
	"math/bits"
	"sync/atomic"
)

// A segment file, from its first byte to its last:
//
//	0           header page     HeaderSize              immutable once the file has its name, but for two counts
//	4096        process table   MaxProcs × SlotSize     each slot taken by compare-and-swap, then written by its owner
//	DirOff      directory       MaxObjects × EntrySize  written under the creation lock
//	AttendOff   attendance      a record for each entry changed by atomic operations, see attendance.go
//	            (padding to PageSize)
//	ArenaOff    arena           ArenaSize               objects, each at a multiple of ObjectAlign
//
// Every number is in the byte order of the machine that made the file.
const (
	PageSize    = 4096 // granularity of the file format, not of the machine
	HeaderSize  = PageSize
	SlotSize    = 64
	EntrySize   = 256
	ObjectAlign = 128 // two cache lines: the adjacent-line prefetcher pairs them

	TableOff = HeaderSize

	MaxProcs   = 1024
	MaxObjects = 1 << 16

	// MaxFile bounds a segment file. The locks of package liveness lie past it.
	MaxFile = 1 << 40
)

const (
	_ uint = -(PageSize % ObjectAlign) // an object at the start of the arena is aligned
	_ uint = -(TableOff % SlotSize)
	_ uint = -(SlotSize % 64) // no two processes' slots share a cache line
)

// Geometry says where the parts of one segment lie. All offsets are in bytes
// from the start of the file, and all fit an int.
type Geometry struct {
	MaxProcs   int
	MaxObjects int
	DirOff     int
	AttendOff  int
	ArenaOff   int
	ArenaSize  int
	FileSize   int
}

// Compute returns the geometry of a segment with room for size bytes of
// objects, rounded up to whole pages. It fails with ErrSize.
func Compute(size int64, maxProcs, maxObjects int) (Geometry, error) {
	switch {
	case size < 1:
		return Geometry{}, fmt.Errorf("size is %d bytes, the least is 1: %w", size, ErrSize)
	case size > MaxFile:
		return Geometry{}, fmt.Errorf("size is %d bytes, the most is %d: %w", size, int64(MaxFile), ErrSize)
	case maxProcs < 1 || maxProcs > MaxProcs:
		return Geometry{}, fmt.Errorf("room for %d processes, must be 1 to %d: %w", maxProcs, MaxProcs, ErrSize)
	case maxObjects < 1 || maxObjects > MaxObjects:
		return Geometry{}, fmt.Errorf("room for %d objects, must be 1 to %d: %w", maxObjects, MaxObjects, ErrSize)
	}
	dir := TableOff + maxProcs*SlotSize
	attend := dir + maxObjects*EntrySize
	arena := roundUp(int64(attend+maxObjects*attendSize(maxProcs)), PageSize)
	size = roundUp(size, PageSize)
	total := arena + size
	if total > MaxFile || total > math.MaxInt {
		return Geometry{}, fmt.Errorf("%d bytes are more than this machine can map: %w", total, ErrSize)
	}
	return Geometry{
		MaxProcs:   maxProcs,
		MaxObjects: maxObjects,
		DirOff:     dir,
		AttendOff:  attend,
		ArenaOff:   int(arena),
		ArenaSize:  int(size),
		FileSize:   int(total),
	}, nil
}

// IDs returns the count of owner IDs that were drawn, of a mapped segment.
func IDs(mem []byte) *atomic.Uint64 { return At[atomic.Uint64](mem, offIDs) }

// Changes returns the count of changes of used directory entries, of a mapped segment.
func Changes(mem []byte) *atomic.Uint64 { return At[atomic.Uint64](mem, offChanges) }

// Table returns the process table of a mapped segment.
func (g Geometry) Table(mem []byte) []byte {
	end := TableOff + g.MaxProcs*SlotSize
	return mem[TableOff:end:end]
}

// Entry returns directory entry i of a mapped segment.
func (g Geometry) Entry(mem []byte, i int) []byte {
	off := g.DirOff + i*EntrySize
	return mem[off : off+EntrySize : off+EntrySize]
}

// AlignObject rounds off up to where an object may start.
func AlignObject(off uint64) uint64 {
	return (off + ObjectAlign - 1) &^ (ObjectAlign - 1)
}

// Mul returns the bytes of n elements. It fails with ErrSize where n is not
// positive, or no segment has so much room.
func Mul(n int, size uintptr) (uint64, error) {
	if n < 1 {
		return 0, fmt.Errorf("%d elements: %w", n, ErrSize)
	}
	if hi, lo := bits.Mul64(uint64(n), uint64(size)); hi == 0 && lo <= MaxFile {
		return lo, nil
	}
	return 0, fmt.Errorf("%d elements of %d bytes are more than a segment can hold: %w", n, size, ErrSize)
}

func roundUp(n, to int64) int64 {
	return (n + to - 1) / to * to
}
