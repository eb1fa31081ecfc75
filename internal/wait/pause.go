package wait

import (
	"sync"
	"time"

	"github.com/isthmus-go/isthmus/internal/arch"
)

// Pause spends about d, which is a microsecond or so, and touches no memory meanwhile.
func Pause(d time.Duration) {
	arch.Pause(max(uint32(d*hintsPerMillisecond()/time.Millisecond), 1))
}

// hintsPerMillisecond is measured once in each process, which takes some 10 µs: a
// spin-wait hint takes from less than a nanosecond to 50, depending on the processor.
var hintsPerMillisecond = sync.OnceValue(func() time.Duration {
	const (
		fewest, most = 16, 1024
		enough       = 500 * time.Nanosecond // for the clock
		guess        = 20 * time.Nanosecond  // a hint, where the clock does not tell
	)
	for n := uint32(fewest); n <= most; n *= 2 {
		if d := shortestPause(n); d >= enough {
			return time.Duration(n) * time.Millisecond / d
		}
	}
	if d := shortestPause(most); d > 0 {
		return most * time.Millisecond / d
	}
	return time.Millisecond / guess
})

// shortestPause returns the least time that n hints have taken: all that disturbs a
// measurement adds to it.
func shortestPause(n uint32) time.Duration {
	const attempts = 4
	least := time.Duration(1<<63 - 1)
	for range attempts {
		start := time.Now()
		arch.Pause(n)
		least = min(least, time.Since(start))
	}
	return least
}
