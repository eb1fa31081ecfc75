//go:build (freebsd || netbsd) && !isthmus_nofutex

package futex

import (
	"context"
	"time"
)

func wait(ctx context.Context, addr *uint32, old uint32, deadline time.Time) error {
	if !native() {
		return pollWord(ctx, addr, old, deadline)
	}
	return waitSliced(ctx, addr, old, instantOf(deadline))
}

func waitAny(ctx context.Context, words []Word, deadline time.Time) (int, error) {
	return poll(ctx, words, deadline)
}

func nativeAny() bool { return false }
