package ring

import (
	"sync/atomic"
	"unsafe"

	"github.com/isthmus-go/isthmus/internal/arch"
)

// writeMany and readMany go through many messages. Their loops keep to few variables, and
// make no call for a short message: what a call spills waits in the store buffer, behind
// the ring's cache lines.

const wordSize = 8

// isShort reports whether n bytes are copied without a call.
func isShort(n uint64) bool { return n-wordSize <= 7*wordSize }

// copyShort copies n bytes, from one to eight words, from an offset of src to one of dst.
func copyShort(dst unsafe.Pointer, to uint64, src unsafe.Pointer, from, n uint64) {
	k := uint64(0)
	for ; k+2*wordSize < n; k += 2 * wordSize {
		*(*[2 * wordSize]byte)(unsafe.Add(dst, to+k)) = *(*[2 * wordSize]byte)(unsafe.Add(src, from+k))
	}
	if k+wordSize < n {
		*(*[wordSize]byte)(unsafe.Add(dst, to+k)) = *(*[wordSize]byte)(unsafe.Add(src, from+k))
	}
	k = n - wordSize // maybe some bytes twice
	*(*[wordSize]byte)(unsafe.Add(dst, to+k)) = *(*[wordSize]byte)(unsafe.Add(src, from+k))
}

// writeMany writes as many of bs as fit into mem, in records one behind the other, those
// of several messages of at most so many bytes. It writes all their headers but the first,
// and returns how many messages, the room that they take, and the first header.
func writeMany(mem []byte, bs [][]byte, longest, most uint64) (n int, at, first uint64) {
	base, room := unsafe.Pointer(unsafe.SliceData(mem)), uint64(len(mem))
	for n < len(bs) {
		length := uint64(len(bs[n]))
		size := record(length, 0)
		if length > longest || size > room-at {
			break
		}
		begin, header := at, committed|length
		switch {
		case n+1 < len(bs) && uint64(len(bs[n+1])) == length:
			k := writeSame(mem[at+headerSize:], bs[n:], max(most, stride8(length)))
			header |= (k - 1) << moreShift
			size = record(length, k-1)
			n += int(k)
		case isShort(length):
			copyShort(base, at+headerSize, unsafe.Pointer(unsafe.SliceData(bs[n])), 0, length)
			n++
		default:
			copy(mem[at+headerSize:][:length], bs[n])
			n++
		}
		if at += size; begin == 0 {
			first = header
		} else {
			arch.StoreRelease64((*uint64)(unsafe.Add(base, begin)), header)
		}
	}
	return n, at, first
}

// writeSame writes the messages of a record, each rounded up to a word: as many of bs as
// are as long as the first and take at most so many bytes of mem. It returns how many.
func writeSame(mem []byte, bs [][]byte, most uint64) uint64 {
	length := uint64(len(bs[0]))
	stride := stride8(length)
	if bs = bs[:min(len(bs), maxMore+1)]; length > 0 {
		bs = bs[:min(uint64(len(bs)), min(most, uint64(len(mem)))/stride)]
	}
	if isShort(length) {
		return writeShort(unsafe.Pointer(unsafe.SliceData(mem)), bs, length)
	}
	for i, b := range bs {
		if uint64(len(b)) != length {
			return uint64(i)
		}
		copy(mem[uint64(i)*stride:], b)
	}
	return uint64(len(bs))
}

// writeShort is writeSame of short messages.
func writeShort(dst unsafe.Pointer, bs [][]byte, length uint64) uint64 {
	for i, b := range bs {
		if uint64(len(b)) != length {
			return uint64(i)
		}
		copyShort(dst, uint64(i)*stride8(length), unsafe.Pointer(unsafe.SliceData(b)), 0, length)
	}
	return uint64(len(bs))
}

// readMany appends to dst messages that follow one another in mem, from the i-th of the
// first record on, and puts their lengths in lens. It stops at a header that is none of
// messages, or at a message that dst has no room for, and returns how many there were, and
// the room and the index that it came to.
func readMany(mem, dst []byte, lens []int, longest, i uint64) (_ []byte, n int, at, _ uint64) {
	base, room := unsafe.Pointer(unsafe.SliceData(mem)), uint64(len(mem))
	to, filled, most := unsafe.Pointer(unsafe.SliceData(dst)), uint64(len(dst)), uint64(cap(dst))
	for n < len(lens) && at < room {
		header := atomic.LoadUint64((*uint64)(unsafe.Add(base, at))) ^ committed
		length, more := header&lengthMask, header>>moreShift
		size := record(length, more)
		if length > longest || more > maxMore || i > more || size > room-at || length > most-filled {
			break
		}
		switch {
		case more > 0:
			k := readSame(dst[filled:most], mem[at+headerSize+i*stride8(length):], length, more+1-i, lens[n:])
			n, filled = n+int(k), filled+k*length
			if i += k; i <= more {
				return dst[:filled], n, at, i
			}
			at, i = at+size, 0
			continue
		case isShort(length):
			copyShort(to, filled, base, at+headerSize, length)
		default:
			copy(dst[filled:most], mem[at+headerSize:][:length])
		}
		lens[n] = int(length)
		n++
		at += size
		filled += length
	}
	return dst[:filled], n, at, i
}

// readSame copies to dst up to most messages of a record, as many as there are lens, and
// room. It sets the lens, and returns how many there were. mem begins with the first.
func readSame(dst, mem []byte, length, most uint64, lens []int) (n uint64) {
	n = min(most, uint64(len(lens)))
	if n*length > uint64(len(dst)) {
		n = uint64(len(dst)) / length
	}
	lens = lens[:n]
	for i := range lens {
		lens[i] = int(length)
	}
	if length%wordSize == 0 {
		copy(dst[:n*length], mem)
		return n
	}
	for i := range n {
		copy(dst[i*length:], mem[i*stride8(length):][:length])
	}
	return n
}
