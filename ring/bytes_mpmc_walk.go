package ring

import (
	"fmt"
	"sync/atomic"

	"github.com/isthmus-go/isthmus/internal/layout"
)

// A span is found, and read, by what the word of its first chunk says. Words and
// lengths may be anything, in memory that is hostile: nothing is looked for outside of
// the ring.

// runLen returns how many chunks the message of a run takes.
func (q *BytesMPMC) runLen(r run) uint64 { return min(max(r.chunks(), 1), q.capacity/2) }

// span returns how many positions it takes at pos: if it would go past the end of the
// ring, it lies at the beginning.
func (q *BytesMPMC) span(pos uint64, r run) uint64 {
	n, end := q.runLen(r), q.capacity-q.index(pos)
	if n > end {
		return end + n
	}
	return n
}

// memory returns where it lies: its length, and the message behind it.
func (q *BytesMPMC) memory(pos uint64, r run) []byte {
	n, at := q.runLen(r), q.index(pos)
	if at+n > q.capacity {
		at = 0
	}
	return q.chunks[at*chunkSize : (at+n)*chunkSize : (at+n)*chunkSize]
}

// runOf returns the run of a message of n bytes.
func runOf(n uint64) run { return roundRun((headerSize + n + chunkSize - 1) / chunkSize) }

// message returns the message at pos, whose word is w. It is what was there only if a
// compare-and-swap of a word then succeeds, and its error stands only if that still could.
func (q *BytesMPMC) message(pos uint64, w word) ([]byte, error) {
	mem := q.memory(pos, w.chunkRun())
	n := atomic.LoadUint64(layout.At[uint64](mem, 0))
	if w.phase() == reading {
		n &= lengthMask // deliveries are counted
	}
	if n > uint64(len(mem)-headerSize) {
		return nil, q.fault(fmt.Errorf("length %#x of %d bytes: %w", n, len(mem), ErrCorrupt))
	}
	return mem[headerSize : headerSize+n : headerSize+n], nil
}

// findRoom walks from pos to the first position that is not claimed, and returns it if
// there is room for a run. If there is not, it returns what is in the way.
func (q *BytesMPMC) findRoom(pos uint64, r run, steps *uint64) (uint64, word, error) {
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
func (q *BytesMPMC) obstacle(pos, n uint64) (at uint64, w word, found bool) {
	for at = pos; at < pos+n; at++ {
		if w = q.load(at); w != freeWord(q.lap(at)) {
			return at, w, true
		}
	}
	return at, 0, false
}
