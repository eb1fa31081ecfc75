package ring

import (
	"math/bits"

	"github.com/isthmus-go/isthmus/internal/layout"
)

// chunkWord is the state word of a BytesMPMC's chunk, with the phases of an MPMC's.
//
//	free, full, closed         lap 52 bits          | run 9 | phase 3 bits
//	writing, reading, freeing  lap 14 | run 9 | owner id 38 | phase 3
//
// As there, a word that nobody has claimed cannot be mistaken for that of another lap,
// and a claimed one is changed by its owner alone, or, once that is dead, by a
// compare-and-swap that names it.
type chunkWord uint64

func freeChunk(lap uint64) chunkWord   { return chunkWord(lap<<freeLapShift | free) }
func closedChunk(lap uint64) chunkWord { return chunkWord(lap<<freeLapShift | closed) }
func fullChunk(lap uint64, r run) chunkWord {
	return chunkWord(lap<<freeLapShift | uint64(r)<<phaseBits | full)
}

func heldChunk(phase, lap uint64, r run, owner layout.ID) chunkWord {
	return chunkWord(lap<<lapShift | uint64(r)<<runShift | uint64(owner)<<phaseBits | phase)
}

func (w chunkWord) phase() uint64 { return uint64(w) & (1<<phaseBits - 1) }

// claimed reports whether the word names an owner.
func (w chunkWord) claimed() bool { return w&writing != 0 }

// owner is the owner of a claimed word.
func (w chunkWord) owner() layout.ID { return layout.ID(w >> phaseBits & (1<<ownerBits - 1)) }

// run is that of the message, if there is one.
func (w chunkWord) run() run {
	if w.claimed() {
		return run(w >> runShift & maxRun)
	}
	return run(w >> phaseBits & maxRun)
}

// ahead returns by how many laps the word is ahead of lap.
func (w chunkWord) ahead(lap uint64) int64 {
	if w.claimed() {
		return int64((uint64(w>>lapShift)-lap)<<(64-lapBits)) >> (64 - lapBits)
	}
	return int64((uint64(w>>freeLapShift)-lap)<<freeLapShift) >> freeLapShift
}

// run is a number of chunks of five significant bits: 5 bits of exponent, and 4 bits
// behind the leading one.
type run uint64

const mantissaBits = 4

// roundRun returns the least run of at least n chunks.
func roundRun(n uint64) run {
	if n < 1<<mantissaBits {
		return run(n)
	}
	shift := uint64(bits.Len64(n) - mantissaBits - 1)
	top := (n + 1<<shift - 1) >> shift // if it has one bit more, that is the next exponent
	return run(shift<<mantissaBits + top)
}

// chunks returns the number.
func (r run) chunks() uint64 {
	if r < 1<<mantissaBits {
		return uint64(r)
	}
	shift := uint64(r)>>mantissaBits - 1
	return (1<<mantissaBits | uint64(r)&(1<<mantissaBits-1)) << shift
}
