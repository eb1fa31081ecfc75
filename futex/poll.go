package futex

import (
	"context"
	"os"
	"runtime"
	"time"
)

const (
	pollSpins    = 100 // looks at the words before giving up the processor
	pollYields   = 10  // and before sleeping
	pollSleepMin = 10 * time.Microsecond
	pollSleepMax = time.Millisecond
)

// poll waits without the kernel's help until one of the words differs, and
// returns its index. The zero deadline means none.
func poll(ctx context.Context, words []Word, deadline time.Time) (int, error) {
	if runtime.GOMAXPROCS(0) > 1 {
		for range pollSpins {
			if i := changed(words); i >= 0 {
				return i, nil
			}
		}
	}
	pause := pollSleepMin
	for round := 0; ; round++ {
		if i := changed(words); i >= 0 {
			return i, nil
		}
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		limit := pause
		if !deadline.IsZero() {
			limit = min(limit, time.Until(deadline))
			if limit <= 0 {
				return 0, os.ErrDeadlineExceeded
			}
		}
		if round < pollYields {
			runtime.Gosched()
			continue
		}
		time.Sleep(limit)
		pause = min(2*pause, pollSleepMax)
	}
}

// pollWord is poll for one word.
func pollWord(ctx context.Context, addr *uint32, old uint32, deadline time.Time) error {
	_, err := poll(ctx, []Word{{addr, old}}, deadline)
	return err
}
