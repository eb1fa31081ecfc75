//go:build !isthmus_nofutex

package futex

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

const clockMonotonic = unix.CLOCK_MONOTONIC

// noWaitv is noFutex for futex_waitv.
var noWaitv atomic.Bool

func wait(ctx context.Context, addr *uint32, old uint32, deadline time.Time) error {
	if noFutex.Load() {
		return pollWord(ctx, addr, old, deadline)
	}
	at := instantOf(deadline)
	if ctx.Done() != nil && !noWaitv.Load() {
		if _, err := waitVector(ctx, []Word{{addr, old}}, at); err != errors.ErrUnsupported {
			return err
		}
	}
	return waitSliced(ctx, addr, old, at)
}

var probeAny = sync.OnceFunc(func() {
	var word uint32
	_, _ = waitVector(context.Background(), []Word{{&word, 1}}, never) // the word differs
})

func nativeAny() bool {
	probeAny()
	return !noWaitv.Load()
}

func waitAny(ctx context.Context, words []Word, deadline time.Time) (int, error) {
	if !noWaitv.Load() && len(words) < maxVector {
		if i, err := waitVector(ctx, words, instantOf(deadline)); err != errors.ErrUnsupported {
			return i, err
		}
	}
	return poll(ctx, words, deadline)
}
