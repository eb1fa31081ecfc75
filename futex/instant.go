//go:build (freebsd || linux || netbsd) && !isthmus_nofutex

package futex

import (
	"math"
	"time"

	"golang.org/x/sys/unix"
)

// An instant is a time on CLOCK_MONOTONIC, in nanoseconds.
type instant int64

const never instant = math.MaxInt64

// origin is one moment, read from two clocks. Package time reads the monotonic
// clock without a system call, but does not give away its value.
var origin = readOrigin()

type moment struct {
	time time.Time
	mono instant
}

// readOrigin returns the tightest of several readings. CLOCK_MONOTONIC is read
// second, so that it can only be ahead, and no deadline comes early. If it cannot
// be read at all, the package must poll.
func readOrigin() (o moment) {
	tightest := time.Duration(math.MaxInt64)
	for range 5 {
		var ts unix.Timespec
		before := time.Now()
		if unix.ClockGettime(clockMonotonic, &ts) != nil {
			noFutex.Store(true)
		}
		if d := time.Since(before); d < tightest {
			tightest = d
			o = moment{before, instant(ts.Nano())}
		}
	}
	return o
}

func now() instant { return origin.mono + instant(time.Since(origin.time)) }

// instantOf converts a deadline; the zero time is never. It takes the time left
// first, by the wall clock if the deadline has nothing better.
func instantOf(deadline time.Time) instant {
	if deadline.IsZero() {
		return never
	}
	left := instant(time.Until(deadline))
	n := now()
	if left >= never-n {
		return never
	}
	return max(0, n+left)
}
