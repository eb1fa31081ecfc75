package ring

import (
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/isthmus-go/isthmus/internal/arch"
)

// A span is found, and read, by what the word of its first chunk says. Words and
// lengths may be anything, in memory that is hostile: nothing is looked for outside of
// the ring.

// runLen returns how many chunks the message of a run takes.
func (q *BytesMPMC) runLen(r run) uint64 { return min(max(r.chunks(), 1), q.capacity/2) }

// wraps reports whether a message of that run, claimed at pos, lies at the beginning of
// the ring.
func (q *BytesMPMC) wraps(pos uint64, r run) bool { return q.index(pos)+q.runLen(r) > q.capacity }

// span returns how many positions it takes.
func (q *BytesMPMC) span(pos uint64, r run) uint64 {
	if q.wraps(pos, r) {
		return q.capacity - q.index(pos) + q.runLen(r)
	}
	return q.runLen(r)
}

// memory returns where it lies: its length, and the message behind it.
func (q *BytesMPMC) memory(pos uint64, r run) []byte {
	at := uint64(0)
	if !q.wraps(pos, r) {
		at = q.index(pos) * chunkSize
	}
	end := at + q.runLen(r)*chunkSize
	return q.chunks[at:end:end]
}

// runOf returns the run of a message of n bytes.
func runOf(n uint64) run { return roundRun((headerSize + n + chunkSize - 1) / chunkSize) }

// errMoved says that a message is not where it was seen any more.
var errMoved = errors.New("message was taken")

// message returns the message at pos, whose word is w.
func (q *BytesMPMC) message(pos uint64, w chunkWord) ([]byte, error) {
	mem := q.memory(pos, w.run())
	n := atomic.LoadUint64(word64(mem, 0))
	if w.phase() == reading {
		n &= lengthMask // deliveries are counted
	}
	switch {
	case q.load(pos) != w:
		return nil, errMoved
	case n > uint64(min(len(mem)-headerSize, q.MaxLen())):
		return nil, q.fault(fmt.Errorf("length %#x of %d bytes: %w", n, len(mem), ErrCorrupt))
	}
	return mem[headerSize : headerSize+n : headerSize+n], nil
}

// nextFree walks from pos to the first position that is not claimed, and returns it if
// its chunk is free.
func (q *BytesMPMC) nextFree(pos uint64, steps *uint64) (uint64, chunkWord, error) {
	for ; *steps > 0; *steps-- {
		w := q.load(pos)
		ahead := w.ahead(q.lap(pos))
		switch {
		case ahead == 0 && w.phase() == free:
			*steps--
			return pos, w, nil
		case ahead >= 0 && w.phase() == closed:
			return pos, w, ErrClosed
		case ahead > 0 && w.phase() == free:
			pos += uint64(ahead-1)*q.capacity + 1
		case ahead >= 0:
			pos += uint64(ahead) * q.capacity
			pos += q.span(pos, w.run())
		default:
			// The lap before is still there, unless the hint has moved on while
			// this walk was paused.
			tail := atomic.LoadUint64(q.tail)
			if int64(tail-pos) <= 0 {
				return pos, w, ErrFull
			}
			pos = tail
		}
	}
	return pos, 0, ErrFull
}

// findRoom walks from pos to the first position that is not claimed, and returns it if
// there is room for a run. If there is not, it returns what is in the way.
func (q *BytesMPMC) findRoom(pos uint64, r run, steps *uint64) (uint64, chunkWord, error) {
	for {
		first, w, err := q.nextFree(pos, steps)
		if err != nil {
			return first, w, err
		}
		at, obstacle, found := q.obstacle(first, q.span(first, r))
		switch {
		case !found:
			return first, w, nil
		case q.load(first) == w: // nobody has gone past it meanwhile
			return at, obstacle, ErrFull
		}
		pos = first
	}
}

// obstacle returns the first of n positions from pos on whose chunk is not free.
func (q *BytesMPMC) obstacle(pos, n uint64) (at uint64, w chunkWord, found bool) {
	for at = pos; at < pos+n; at++ {
		if w = q.load(at); w != freeChunk(q.lap(at)) {
			return at, w, true
		}
	}
	return at, 0, false
}

// nextFull walks from pos to the first position that is not taken, and returns it if
// its chunk is full.
func (q *BytesMPMC) nextFull(pos uint64, steps *uint64) (uint64, chunkWord, error) {
	for ; *steps > 0; *steps-- {
		w, lap := q.load(pos), q.lap(pos)
		ahead, phase := w.ahead(lap), w.phase()
		gone := phase == reading || phase == freeing
		switch {
		case ahead == 0 && phase == full:
			*steps--
			return pos, w, nil
		case ahead == 0 && phase == closed:
			return pos, w, ErrClosed
		case ahead == 0 && phase == free:
			if !q.isClosed() {
				return pos, w, ErrEmpty
			}
			// No producer that has not claimed pos by now ever will.
			if q.swap(pos, w, closedChunk(lap)) {
				return pos, w, ErrClosed
			}
		case ahead >= 0 && gone:
			pos += uint64(ahead) * q.capacity
			pos += q.span(pos, w.run())
		case ahead > 0 && phase == free:
			// Maybe free of the lap before without having been taken
			// (cancelled, or repaired), but then at least the one before
			// that was.
			pos += uint64(max(ahead-2, 0))*q.capacity + 1
		case ahead > 0:
			pos += uint64(ahead-1)*q.capacity + 1
		default:
			// Being written, or still of the lap before; unless the hint has
			// moved on while this walk was paused (Invariant 8).
			head := q.surelyTaken()
			switch {
			case int64(head-pos) > 0:
				pos = head
			case ahead == 0 || gone:
				return pos, w, ErrEmpty
			default:
				return pos, w, ErrCorrupt
			}
		}
	}
	return pos, 0, ErrEmpty
}

// surelyTaken returns a position before which all have been taken, or given up:
// the hint, or what follows from the producers', if they alone have gone on.
func (q *BytesMPMC) surelyTaken() uint64 {
	head, tail := atomic.LoadUint64(q.head), atomic.LoadUint64(q.tail)
	if int64(tail-q.capacity-head) > 0 {
		return tail - q.capacity
	}
	return head
}

// advance raises a hint, seen as was, once it has fallen behind. If another
// process has raised it meanwhile, that will do.
func (q *BytesMPMC) advance(hint *uint64, was uint64, s *side, to uint64) {
	arch.StoreRelease64(&s.last, to)
	if to-was >= q.lag {
		atomic.CompareAndSwapUint64(hint, was, to)
	}
}
