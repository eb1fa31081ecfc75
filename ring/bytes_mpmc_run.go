package ring

import "math/bits"

// run is a number of chunks, in 9 bits. Up to exactRuns it is that number. Beyond, the
// number has five significant bits: a run is then an exponent, and the 4 bits behind the
// leading one.
//
// The last runs, which no ring is large enough for, are one chunk each: that of a message of
// up to a word, which lies in its slot, tells its length as well.
type run uint64

const (
	exactRuns    = 256
	mantissaBits = 4

	// leastShift is the shift of exactRuns, and firstShift what its run has instead.
	leastShift = 4
	firstShift = exactRuns >> mantissaBits

	// shortRuns is the run of a message of no bytes.
	shortRuns = maxRun - wordSize
)

// shortRun returns the run of a message of n bytes, up to a word.
func shortRun(n int) run { return shortRuns + run(n) }

// short reports whether r is the run of such a message, and how long that is.
func (r run) short() (n int, ok bool) { return int(r - shortRuns), r >= shortRuns }

// roundRun returns the least run of at least n chunks.
func roundRun(n uint64) run {
	if n < exactRuns {
		return run(n)
	}
	shift := uint64(bits.Len64(n) - mantissaBits - 1)
	top := (n + 1<<shift - 1) >> shift // if it has one bit more, that is the next exponent
	return run((shift-leastShift+firstShift-1)<<mantissaBits + top)
}

// chunks returns the number.
func (r run) chunks() uint64 {
	switch {
	case r < exactRuns:
		return uint64(r)
	case r >= shortRuns:
		return 1
	}
	shift := uint64(r)>>mantissaBits - firstShift + leastShift
	return (1<<mantissaBits | uint64(r)&(1<<mantissaBits-1)) << shift
}
