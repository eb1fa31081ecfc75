package ring

import (
	"fmt"
	"sync/atomic"
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

// inChunks returns the chunks of the message of a run.
func (q *BytesMPMC) inChunks(pos uint64, r run) []byte {
	n, at := q.runLen(r), q.index(pos)
	if at+n > q.capacity {
		at = 0
	}
	return q.chunks[at*chunkSize : (at+n)*chunkSize : (at+n)*chunkSize]
}

// chunksOf returns how many chunks a message of n bytes takes, but for what a run rounds up.
func chunksOf(n uint64) uint64 {
	if n <= chunkSize {
		return 1
	}
	return (n + chunkSize - 1) / chunkSize
}

// runOf returns the run of a message of n bytes.
func runOf(n uint64) run { return roundRun(chunksOf(n)) }

// message returns the message at pos, whose word is w. It is what was there only if a
// compare-and-swap of a word then succeeds, and its error stands only if that still could.
func (q *BytesMPMC) message(pos uint64, w word) ([]byte, error) {
	r := w.chunkRun()
	if n, short := r.short(); short {
		return q.inSlot(pos, n), nil
	}
	n := atomic.LoadUint64(q.words.value(pos))
	if room := q.runLen(r) * chunkSize; n > room {
		return nil, q.fault(fmt.Errorf("length %#x of %d bytes: %w", n, room, ErrCorrupt))
	}
	return q.inChunks(pos, r)[:n:n], nil
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

// obstacle returns the first of n positions from pos on whose chunk is not free. It looks
// at one word of each run that was freed: Invariant 10.
func (q *BytesMPMC) obstacle(pos, n uint64) (at uint64, w word, found bool) {
	for i := uint64(0); i < n; i += 1 + w.more() {
		at = pos + i
		if w = q.load(at); w.state() != freeWord(q.lap(at)) {
			return at, w, true
		}
	}
	return 0, 0, false
}
