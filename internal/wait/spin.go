package wait

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// Spinning pays for about as long as a sleep and a wake would take; whoever
// waits longer has lost no more than that.
const (
	eagerPolls = 512                   // without a pause, some 0.5 µs
	pollPause  = 200 * time.Nanosecond // before each later poll
	pauses     = 4                     // polls between two looks at the clock
	spinTime   = 10 * time.Microsecond // the whole of it
	maxLull    = time.Microsecond
	lullSteps  = 8 // things in a row that make a lull the longest
	yields     = 2 // turns given to the process's other goroutines
)

var spinOff atomic.Bool

// SetSpin switches spinning on or off for the whole process. Off, every wait
// sleeps at once: what the benchmarks call park mode.
func SetSpin(on bool) { spinOff.Store(!on) }

// multiCPU is about the machine, not about this process: two processes pinned
// to one CPU each still run at the same time.
var multiCPU = sync.OnceValue(func() bool { return cpus() > 1 })

// Lull pauses for one who has done n things in a row and then found that there
// are no more, so that the next time there are at least as many.
func Lull(n uint64) {
	if n > 0 && !spinOff.Load() && multiCPU() {
		Pause(maxLull / lullSteps * time.Duration(min(n, lullSteps)))
	}
}

// Backoff pauses for one who has lost a race for a cache line, so that the winner
// has it for a while.
func Backoff() { Lull(lullSteps) }

// Eager returns how often who waits for a message looks for it before it pauses: an
// answer comes as fast as a cache line does.
func Eager() int {
	if spinOff.Load() || !multiCPU() {
		return 0
	}
	return eagerPolls
}

// spin calls try for a while, and reports whether it has succeeded.
func spin(try func() bool) bool {
	if spinOff.Load() {
		return false
	}
	if multiCPU() {
		var start time.Time
		for {
			for range pauses {
				// A poll takes the cache line from whoever is writing it. A
				// pause lets the other side get ahead by more than one word.
				Pause(pollPause)
				if try() {
					return true
				}
			}
			if now := time.Now(); start.IsZero() {
				start = now
			} else if now.Sub(start) > spinTime {
				break
			}
		}
	}
	for range yields {
		runtime.Gosched()
		if try() {
			return true
		}
	}
	return false
}
