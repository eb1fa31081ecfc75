package ring

import (
	"math/bits"
	"sync/atomic"
	"unsafe"

	"github.com/isthmus-go/isthmus/internal/arch"
)

// writeMany and readMany go through the messages of a batch behind the first. As those of
// Bytes they make no call for each short message: those of one length that follow one
// another have loops of their own, which keep to so few variables that none is spilled.
// What is reached is inside the ring, whatever words and lengths are.

// slotOfBytes is a state word, a length, and a message that is no longer than a word.
type slotOfBytes [3]uint64

func (q *BytesMPMC) slot(pos uint64) *slotOfBytes {
	return (*slotOfBytes)(unsafe.Pointer(q.words.word(pos)))
}

// length returns that of the message at pos.
func (q *BytesMPMC) length(pos uint64) *uint64 { return &q.slot(pos)[1] }

// memory returns where a message of n bytes lies, n being at most what its run has.
func (q *BytesMPMC) memory(pos uint64, r run, n int) []byte {
	if n <= wordSize {
		return unsafe.Slice((*byte)(unsafe.Pointer(&q.slot(pos)[2])), wordSize)[:n:n]
	}
	return q.inChunks(pos, r)[:n:n]
}

// place returns where a message of n bytes lies that is in one piece from its slot on, and
// how far behind it that of the next one is, if both take r chunks.
func (q *BytesMPMC) place(slot *slotOfBytes, pos, n, r uint64) (mem unsafe.Pointer, step uint64) {
	if n <= wordSize {
		return unsafe.Pointer(&slot[2]), r * slotSize
	}
	return unsafe.Add(unsafe.Pointer(unsafe.SliceData(q.chunks)), q.index(pos)*chunkSize), r * chunkSize
}

// writeMany publishes bs from pos on. They do not go past the end of the ring, even if
// somebody changes their lengths meanwhile.
func (q *BytesMPMC) writeMany(pos uint64, bs [][]byte) {
	lap, room := q.lap(pos), q.room(pos)
	for len(bs) > 0 {
		n, length := uint64(1), uint64(len(bs[0]))
		r := chunksOf(length)
		if r > room {
			return
		}
		w := uint64(fullChunk(lap, run(r)))
		slot := q.slot(pos)
		mem, step := q.place(slot, pos, length, r)
		if isShort(length) && len(bs) > 1 && uint64(len(bs[1])) == length {
			n = writeShorts(slot, mem, bs[:min(uint64(len(bs)), room/r)], length, r, w, step)
		} else {
			if isShort(length) {
				copyShort(mem, 0, unsafe.Pointer(unsafe.SliceData(bs[0])), 0, length)
			} else {
				copy(unsafe.Slice((*byte)(mem), length), bs[0])
			}
			arch.StoreRelease64(&slot[1], length)
			arch.StoreRelease64(&slot[0], w)
		}
		bs = bs[n:]
		pos, room = pos+n*r, room-n*r
	}
}

// writeShorts publishes the first of bs, and those behind it that are of its length, each in
// r chunks, with the word w. It returns how many.
func writeShorts(slot *slotOfBytes, mem unsafe.Pointer, bs [][]byte, length, r, w, step uint64) uint64 {
	for i, b := range bs {
		if uint64(len(b)) != length {
			return uint64(i)
		}
		copyShort(mem, 0, unsafe.Pointer(unsafe.SliceData(b)), 0, length)
		arch.StoreRelease64(&slot[1], length)
		arch.StoreRelease64(&slot[0], w)
		mem = unsafe.Add(mem, step)
		slot = (*slotOfBytes)(unsafe.Add(unsafe.Pointer(slot), r*slotSize))
	}
	return uint64(len(bs))
}

// readMany appends to dst the messages from pos on that are full, as many as lens holds, and
// as lie in so many chunks, which end in the ring. It stores their lengths in lens, and
// returns how many chunks and how many messages that are.
func (q *BytesMPMC) readMany(dst []byte, pos, room uint64, lens []int) (_ []byte, all, n uint64) {
	full := uint64(fullWord(q.lap(pos)))
	for n < uint64(len(lens)) {
		slot := q.slot(pos + all)
		w, length := atomic.LoadUint64(&slot[0]), atomic.LoadUint64(&slot[1])
		r := bits.RotateLeft64(w^full, -phaseBits) // the run, if it is full, or else something large
		if r-1 >= room-all || length > r*chunkSize {
			break // who comes to it next is told what is wrong
		}
		mem, step := q.place(slot, pos+all, length, r)
		k, base := uint64(1), unsafe.Pointer(unsafe.SliceData(dst))
		filled, left := uint64(len(dst)), uint64(cap(dst)-len(dst))
		switch {
		case !isShort(length) || length > left:
			dst = append(dst, unsafe.Slice((*byte)(mem), length)...)
		case n+1 < uint64(len(lens)) && r < room-all && q.alike(pos+all+r, w, length):
			k = min(uint64(len(lens))-n, (room-all)/r, left/length)
			k = readShorts(base, filled, slot, mem, k, length, r, w, step)
			dst = dst[:filled+k*length]
		default:
			copyShort(base, filled, mem, 0, length)
			dst = dst[:filled+length]
		}
		same := lens[n : n+k]
		for i := range same {
			same[i] = int(length)
		}
		n, all = n+k, all+k*r
	}
	return dst, all, n
}

// alike reports whether there is a message of that word and length at pos.
func (q *BytesMPMC) alike(pos, w, length uint64) bool {
	slot := q.slot(pos)
	return atomic.LoadUint64(&slot[0]) == w && atomic.LoadUint64(&slot[1]) == length
}

// readShorts copies a message of that length to an offset of dst, and behind it those alike
// that follow, each in r chunks and with the word w. It returns how many, at most so many.
func readShorts(dst unsafe.Pointer, to uint64, slot *slotOfBytes, mem unsafe.Pointer, most, length, r, w, step uint64) uint64 {
	copyShort(dst, to, mem, 0, length)
	for n := uint64(1); n < most; n++ {
		to += length
		mem = unsafe.Add(mem, step)
		slot = (*slotOfBytes)(unsafe.Add(unsafe.Pointer(slot), r*slotSize))
		if atomic.LoadUint64(&slot[0]) != w || atomic.LoadUint64(&slot[1]) != length {
			return n
		}
		copyShort(dst, to, mem, 0, length)
	}
	return most
}
