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

// slotOfBytes is a state word, and a message that is no longer than a word, or the length of a
// longer one.
type slotOfBytes [2]uint64

func (q *BytesMPMC) slot(pos uint64) *slotOfBytes {
	return (*slotOfBytes)(unsafe.Pointer(q.words.word(pos)))
}

// behind returns the slot that is n slots behind.
func (s *slotOfBytes) behind(n uint64) *slotOfBytes {
	return (*slotOfBytes)(unsafe.Add(unsafe.Pointer(s), n*slotSize))
}

// inSlot returns where a message of n bytes, up to a word, lies.
func (q *BytesMPMC) inSlot(pos uint64, n int) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(q.words.value(pos))), wordSize)[:n:n]
}

// memory returns where a message of n bytes lies, n being at most what its run has.
func (q *BytesMPMC) memory(pos uint64, r run, n int) []byte {
	if n <= wordSize {
		return q.inSlot(pos, n)
	}
	return q.inChunks(pos, r)[:n:n]
}

// longMemory returns where a message of more than a word lies that does not go round the
// ring's end.
func (q *BytesMPMC) longMemory(pos uint64) unsafe.Pointer {
	return unsafe.Add(unsafe.Pointer(unsafe.SliceData(q.chunks)), q.index(pos)*chunkSize)
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
		slot, w := q.slot(pos), uint64(fullChunk(lap, run(r)))
		switch mem, alike := q.longMemory(pos), len(bs) > 1 && uint64(len(bs[1])) == length; {
		case length <= wordSize:
			w = uint64(fullChunk(lap, shortRun(int(length))))
			if alike && length == wordSize {
				n = writeWords(slot, bs[:min(uint64(len(bs)), room)], w)
				break
			}
			copy(q.inSlot(pos, int(length)), bs[0])
			arch.StoreRelease64(&slot[0], w)
		case alike && isShort(length):
			n = writeShorts(slot, mem, bs[:min(uint64(len(bs)), room/r)], length, r, w)
		default:
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

// writeWords publishes the first of bs, and those behind it that are a word long as well, with
// the state word w. It returns how many.
func writeWords(slot *slotOfBytes, bs [][]byte, w uint64) uint64 {
	for i, b := range bs {
		if len(b) != wordSize {
			return uint64(i)
		}
		*(*[wordSize]byte)(unsafe.Pointer(&slot[1])) = *(*[wordSize]byte)(unsafe.Pointer(unsafe.SliceData(b)))
		arch.StoreRelease64(&slot[0], w)
		slot = slot.behind(1)
	}
	return uint64(len(bs))
}

// writeShorts publishes the first of bs, and those behind it that are of its length, each in
// r chunks, with the state word w. It returns how many.
func writeShorts(slot *slotOfBytes, mem unsafe.Pointer, bs [][]byte, length, r, w uint64) uint64 {
	for i, b := range bs {
		if uint64(len(b)) != length {
			return uint64(i)
		}
		copyShort(mem, 0, unsafe.Pointer(unsafe.SliceData(b)), 0, length)
		arch.StoreRelease64(&slot[1], length)
		arch.StoreRelease64(&slot[0], w)
		mem = unsafe.Add(mem, r*chunkSize)
		slot = slot.behind(r)
	}
	return uint64(len(bs))
}

// readMany appends to dst the messages from pos on that are full, as many as lens holds, and
// as lie in so many chunks, which end in the ring. It stores their lengths in lens, and
// returns how many chunks and how many messages that are.
func (q *BytesMPMC) readMany(dst []byte, pos, room uint64, lens []int) (_ []byte, all, n uint64) {
	full := uint64(fullWord(q.lap(pos)))
	for n < uint64(len(lens)) && all < room {
		slot, mem := q.slot(pos+all), q.longMemory(pos+all)
		w, length := atomic.LoadUint64(&slot[0]), atomic.LoadUint64(&slot[1])
		r := bits.RotateLeft64(w^full, -phaseBits) // the run, if it is full, or else something large
		inSlot := r-shortRuns <= wordSize
		if inSlot {
			length, r, mem = r-shortRuns, 1, unsafe.Pointer(&slot[1])
		}
		if r-1 >= room-all || length > r*chunkSize {
			break // who comes to it next is told what is wrong
		}
		k, base := uint64(1), unsafe.Pointer(unsafe.SliceData(dst))
		filled, left := uint64(len(dst)), uint64(cap(dst)-len(dst))
		switch {
		case !isShort(length) || length > left:
			dst = append(dst, unsafe.Slice((*byte)(mem), length)...)
		case n+1 == uint64(len(lens)) || r == room-all || !slot.behind(r).alike(w, length, inSlot):
			copyShort(base, filled, mem, 0, length)
			dst = dst[:filled+length]
		default:
			k = min(uint64(len(lens))-n, (room-all)/r, left/length)
			if inSlot {
				k = readWords(base, filled, slot, k, w)
			} else {
				k = readShorts(base, filled, slot, mem, k, length, r, w)
			}
			dst = dst[:filled+k*length]
		}
		same := lens[n : n+k]
		for i := range same {
			same[i] = int(length)
		}
		n, all = n+k, all+k*r
	}
	return dst, all, n
}

// alike reports whether there is a message of that word and length, which lies in the slot or
// not.
func (s *slotOfBytes) alike(w, length uint64, inSlot bool) bool {
	return atomic.LoadUint64(&s[0]) == w && (inSlot || atomic.LoadUint64(&s[1]) == length)
}

// readWords copies the message of a slot to an offset of dst, and behind it those that follow
// and have that state word: messages of a word. It returns how many, at most so many.
func readWords(dst unsafe.Pointer, to uint64, slot *slotOfBytes, most, w uint64) uint64 {
	for n := uint64(0); ; {
		*(*[wordSize]byte)(unsafe.Add(dst, to+n*wordSize)) = *(*[wordSize]byte)(unsafe.Pointer(&slot[1]))
		if n++; n == most {
			return n
		}
		if slot = slot.behind(1); atomic.LoadUint64(&slot[0]) != w {
			return n
		}
	}
}

// readShorts copies a message of that length to an offset of dst, and behind it those alike
// that follow, each in r chunks and with the state word w. It returns how many, at most so
// many.
func readShorts(dst unsafe.Pointer, to uint64, slot *slotOfBytes, mem unsafe.Pointer, most, length, r, w uint64) uint64 {
	for n := uint64(0); ; {
		copyShort(dst, to, mem, 0, length)
		if n++; n == most {
			return n
		}
		if slot = slot.behind(r); !slot.alike(w, length, false) {
			return n
		}
		to += length
		mem = unsafe.Add(mem, r*chunkSize)
	}
}
