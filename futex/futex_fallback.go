//go:build !(freebsd || linux || netbsd) || isthmus_nofutex

package futex

import (
	"context"
	"time"
)

func wait(ctx context.Context, addr *uint32, old uint32, deadline time.Time) error {
	return pollWord(ctx, addr, old, deadline)
}

func waitAny(ctx context.Context, words []Word, deadline time.Time) (int, error) {
	return poll(ctx, words, deadline)
}

func wake(*uint32, int) int { return 0 }

func native() bool { return false }

func nativeAny() bool { return false }
