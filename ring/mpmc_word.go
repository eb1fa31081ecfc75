package ring

import "github.com/isthmus-go/isthmus/internal/layout"

// word is a state word. That of a slot of an MPMC:
//
//	free, full, closed  lap 52 bits           | more 9 bits  | phase 3 bits
//	writing, freeing    lap 14 | run 9        | owner id 38  | phase 3
//	reading             lap 14 | deliveries 9 | owner id 38  | phase 3
//
// That of a chunk of a BytesMPMC, with a run as in bytes_mpmc_run.go:
//
//	free, closed               lap 52 bits    | more 9 bits  | phase 3 bits
//	full                       lap 52         | run 9        | phase 3
//	writing, reading, freeing  lap 14 | run 9 | owner id 38  | phase 3
//
// That of a slot of a WorkQueue is as an MPMC's, and held as a full one without more: its
// owner is named beside it.
//
// A word that nobody has claimed carries the whole lap, or so much of it, that a
// compare-and-swap on it cannot mistake one lap for another, however long its
// process was paused. One without a run also counts those behind it that are surely in
// the same state (more). A claimed word is changed by its owner alone, or, once that is
// dead, by a compare-and-swap that names the dead id, which never comes back; there the
// low bits of the lap do.
type word uint64

const (
	free    = 0 // empty, may be claimed for writing; a new ring is all free in lap 0
	full    = 1 // holds a message
	closed  = 2 // the ring ends here
	held    = 3 // holds a message that was taken, and maybe finished
	writing = 4 // claimed by a producer, with the run-1 slots after it
	reading = 5 // lent to a consumer
	freeing = 6 // taken by a consumer, with the run-1 slots after it

	phaseBits = 3
	ownerBits = layout.IDBits
	runBits   = 9
	lapBits   = 64 - phaseBits - ownerBits - runBits

	oneMore      = 1 << phaseBits
	freeLapShift = phaseBits + runBits

	runShift = phaseBits + ownerBits
	lapShift = runShift + runBits

	// maxRun is how many slots one claim can cover.
	maxRun = 1<<runBits - 1
)

func freeWord(lap uint64) word   { return word(lap<<freeLapShift | free) }
func fullWord(lap uint64) word   { return word(lap<<freeLapShift | full) }
func closedWord(lap uint64) word { return word(lap<<freeLapShift | closed) }
func heldWord(lap uint64) word   { return word(lap<<freeLapShift | held) }

// nextLap returns the word of the slot when what is held there is finished.
func (w word) nextLap() word { return freeWord(uint64(w>>freeLapShift) + 1) }

func fullChunk(lap uint64, r run) word { return fullWord(lap) | word(r<<phaseBits) }

// and returns the word with n more slots behind it.
func (w word) and(n uint64) word { return w + word(n*oneMore) }

// state returns an unclaimed word without more.
func (w word) state() word { return w &^ (maxRun * oneMore) }

// more is how many slots behind its own an unclaimed word speaks for.
func (w word) more() uint64 { return uint64(w/oneMore) & maxRun }

func claimWord(phase, lap, run uint64, owner layout.ID) word {
	return word(lap<<lapShift | run<<runShift | uint64(owner)<<phaseBits | phase)
}

func (w word) phase() uint64 { return uint64(w) & (1<<phaseBits - 1) }

// claimed reports whether the word names an owner.
func (w word) claimed() bool { return w&writing != 0 }

// owner is the owner of a claimed word.
func (w word) owner() layout.ID { return layout.ID(w >> phaseBits & (1<<ownerBits - 1)) }

// run is how many slots a slot's word speaks for, at least 1.
func (w word) run() uint64 {
	if !w.claimed() || w.phase() == reading {
		return 1
	}
	return max(uint64(w>>runShift)&maxRun, 1)
}

// deliveries is how often a slot's message was lent, up to maxRun, if it is lent.
func (w word) deliveries() uint64 { return uint64(w>>runShift) & maxRun }

// chunkRun is the run of the message that a chunk's word speaks for, if there is one.
func (w word) chunkRun() run {
	if w.claimed() {
		return run(w >> runShift & maxRun)
	}
	return run(w >> phaseBits & maxRun)
}

// ahead returns by how many laps the word is ahead of lap.
func (w word) ahead(lap uint64) int64 {
	if w.claimed() {
		return int64((uint64(w>>lapShift)-lap)<<(64-lapBits)) >> (64 - lapBits)
	}
	return int64((uint64(w>>freeLapShift)-lap)<<freeLapShift) >> freeLapShift
}
