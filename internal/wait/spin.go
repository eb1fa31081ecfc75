package wait

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/isthmus-go/isthmus/internal/arch"
)

// Spinning pays for about as long as a sleep and a wake would take; whoever
// waits longer has lost no more than that.
const (
	tightRounds = 64                    // polls without a pause
	pauseRounds = 16                    // polls between two looks at the clock
	spinTime    = 10 * time.Microsecond // the whole of it
	yields      = 2                     // turns given to the process's other goroutines
)

var spinOff atomic.Bool

// SetSpin switches spinning on or off for the whole process. Off, every wait
// sleeps at once: what the benchmarks call park mode.
func SetSpin(on bool) { spinOff.Store(!on) }

// multiCPU is about the machine, not about this process: two processes pinned
// to one CPU each still run at the same time.
var multiCPU = sync.OnceValue(func() bool { return cpus() > 1 })

// spin calls try for a while, and reports whether it has succeeded.
func spin(try func() bool) bool {
	if spinOff.Load() {
		return false
	}
	if multiCPU() {
		for range tightRounds {
			if try() {
				return true
			}
		}
		for start := time.Now(); time.Since(start) < spinTime; {
			for range pauseRounds {
				arch.Pause(1)
				if try() {
					return true
				}
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
