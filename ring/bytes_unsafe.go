package ring

import (
	"sync/atomic"
	"unsafe"

	"github.com/isthmus-go/isthmus/internal/arch"
)

// writeMany and readMany go through many messages. They keep to few variables, and
// make no call for a short one: what a call spills waits in the store buffer, behind
// the ring's cache lines.

const wordSize = 8

// isShort reports whether a message of n bytes is copied word by word.
func isShort(n uint64) bool { return n <= 4*wordSize && n%wordSize == 0 }

// copyWord copies the word at an offset of src.
func copyWord(dst unsafe.Pointer, to uint64, src unsafe.Pointer, from uint64) {
	*(*[wordSize]byte)(unsafe.Add(dst, to)) = *(*[wordSize]byte)(unsafe.Add(src, from))
}

// writeMany writes as many of bs as fit into mem, one behind the other, and all
// their headers but the first. It returns how many, and the room that they take.
func writeMany(mem []byte, bs [][]byte, longest int) (n int, at uint64) {
	base, room := unsafe.Pointer(unsafe.SliceData(mem)), uint64(len(mem))
	for i := range bs {
		length := uint64(len(bs[i]))
		size := record(length)
		if length > uint64(longest) || size > room-at {
			return i, at
		}
		if i > 0 {
			arch.StoreRelease64((*uint64)(unsafe.Add(base, at)), committed|length)
		}
		if isShort(length) {
			src := unsafe.Pointer(unsafe.SliceData(bs[i]))
			for k := uint64(0); k < length; k += wordSize {
				copyWord(base, at+headerSize+k, src, k)
			}
		} else {
			copy(mem[at+headerSize:][:length], bs[i])
		}
		at += size
	}
	return len(bs), at
}

// readMany appends to dst the messages that follow one another in mem, and puts
// their lengths in lens. It stops at a header that is none of a message, or at a
// message that dst has no room for, and returns how many there were, and the room
// that they took.
func readMany(mem, dst []byte, lens []int, longest int) (_ []byte, n int, at uint64) {
	base, room := unsafe.Pointer(unsafe.SliceData(mem)), uint64(len(mem))
	to, filled, most := unsafe.Pointer(unsafe.SliceData(dst)), uint64(len(dst)), uint64(cap(dst))
	for n < len(lens) && at < room {
		length := atomic.LoadUint64((*uint64)(unsafe.Add(base, at))) ^ committed
		size := record(length)
		if length > uint64(longest) || size > room-at || length > most-filled {
			break
		}
		if isShort(length) {
			for k := uint64(0); k < length; k += wordSize {
				copyWord(to, filled+k, base, at+headerSize+k)
			}
		} else {
			copy(dst[filled:most], mem[at+headerSize:][:length])
		}
		lens[n] = int(length)
		n++
		at += size
		filled += length
	}
	return dst[:filled], n, at
}
