//go:build !isthmus_nofutex

package futex

import (
	"context"
	"errors"
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

func waitAny(ctx context.Context, words []Word) (int, error) {
	if !noWaitv.Load() && len(words) < maxVector {
		if i, err := waitVector(ctx, words, never); err != errors.ErrUnsupported {
			return i, err
		}
	}
	return poll(ctx, words, time.Time{})
}
