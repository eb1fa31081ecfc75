//go:build (freebsd || linux || netbsd) && !isthmus_nofutex

package futex

import (
	"context"
	"fmt"
	"math"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// slice bounds the sleep of a waiter that must look at its context from time to
// time.
const slice = 10 * time.Millisecond

// noFutex is set once the kernel, or a sandbox that is perhaps entered late, has
// refused the system call.
var noFutex atomic.Bool

// waitSliced waits on one word, and looks at its context now and then.
func waitSliced(ctx context.Context, addr *uint32, old uint32, at instant) error {
	if ctx.Done() == nil {
		return waitOne(addr, old, at)
	}
	for {
		end := min(at, now()+instant(slice))
		if err := waitOne(addr, old, end); err != os.ErrDeadlineExceeded || end == at {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
}

// waitOne waits without regard to a context. If the kernel refuses, it returns nil
// like a spurious wake, and the caller's next wait polls.
func waitOne(addr *uint32, old uint32, at instant) error {
	for {
		switch errno := futexWait(addr, old, at); {
		case errno == 0 || errno == unix.EAGAIN:
			return nil
		case errno == unix.EINTR:
		case errno == unix.ETIMEDOUT:
			return os.ErrDeadlineExceeded
		case refused(errno):
			noFutex.Store(true)
			return nil
		default:
			return fmt.Errorf("isthmus: futex wait: %w", errno)
		}
	}
}

// wake tries even where this process cannot wait by the kernel: another may.
func wake(addr *uint32, n int) int {
	if !supported() {
		return 0
	}
	return futexWake(addr, int32(min(n, math.MaxInt32)))
}

var probe = sync.OnceFunc(func() {
	var word uint32
	if !supported() || refused(futexWait(&word, 1, never)) {
		noFutex.Store(true)
	}
})

func native() bool {
	probe()
	return !noFutex.Load()
}

// refused reports whether the error is that of a system call that the kernel
// does not have or a sandbox does not allow.
func refused(errno unix.Errno) bool {
	return errno == unix.ENOSYS || errno == unix.EPERM || errno == unix.EACCES
}
