package ring

import "math/bits"

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
