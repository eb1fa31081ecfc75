package futex

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"
)

// Errors of calls whose arguments do not allow a wait. The calls return them
// wrapped with the name of the operation.
var (
	ErrNilContext = errors.New("nil context")
	ErrNilAddr    = errors.New("nil address")
	ErrNoWords    = errors.New("no words to wait on")
)

// A Word is a word to wait on, and the value that it is expected to have.
type Word struct {
	Addr *uint32
	Old  uint32
}

// Wait sleeps while *addr == old, until [Wake] wakes it or ctx ends. It returns
// nil if it was woken, if *addr differed from old, or for no reason. It returns
// ctx.Err() if the context has ended.
func Wait(ctx context.Context, addr *uint32, old uint32) error {
	return WaitUntil(ctx, addr, old, time.Time{})
}

// WaitUntil works as [Wait] does, with a deadline. At the deadline it returns
// [os.ErrDeadlineExceeded]. The zero deadline means no deadline. If a deadline
// has no monotonic clock reading, WaitUntil converts it by the wall clock at the
// time of the call. Later changes of the wall clock do not move the deadline.
func WaitUntil(ctx context.Context, addr *uint32, old uint32, deadline time.Time) error {
	if ctx == nil {
		return fmt.Errorf("isthmus: futex wait: %w", ErrNilContext)
	}
	if addr == nil {
		return fmt.Errorf("isthmus: futex wait: %w", ErrNilAddr)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if atomic.LoadUint32(addr) != old {
		return nil
	}
	return wait(ctx, addr, old, deadline)
}

// WaitAny sleeps while every word has its expected value, until [Wake] wakes it
// on one of the words or ctx ends. It returns the index of a word that was woken
// or that differed, or an error as [Wait] does.
//
// If there are more than 127 words, or if the kernel cannot wait on several
// words, WaitAny polls. The package documentation describes this for platforms
// without futexes.
func WaitAny(ctx context.Context, words []Word) (int, error) {
	return WaitAnyUntil(ctx, words, time.Time{})
}

// WaitAnyUntil works as [WaitAny] does, with a deadline. See [WaitUntil].
func WaitAnyUntil(ctx context.Context, words []Word, deadline time.Time) (int, error) {
	if ctx == nil {
		return 0, fmt.Errorf("isthmus: futex wait any: %w", ErrNilContext)
	}
	if len(words) == 0 {
		return 0, fmt.Errorf("isthmus: futex wait any: %w", ErrNoWords)
	}
	for i, w := range words {
		if w.Addr == nil {
			return 0, fmt.Errorf("isthmus: futex wait any: word %d: %w", i, ErrNilAddr)
		}
	}
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	if i := changed(words); i >= 0 {
		return i, nil
	}
	return waitAny(ctx, words, deadline)
}

// Wake wakes up to n waiters on addr, in this process and in other processes. It
// returns how many waiters it woke. Where waiters poll (see [Native]), it returns
// 0.
func Wake(addr *uint32, n int) (woken int) {
	if addr == nil || n <= 0 {
		return 0
	}
	return wake(addr, n)
}

// Native reports whether the kernel does the waiting. If it returns false, this
// package polls.
func Native() bool { return native() }

// NativeAny reports whether the kernel waits on several words. If it returns false,
// [WaitAny] polls.
func NativeAny() bool { return native() && nativeAny() }

// changed returns the index of a word that differs from its expected value, or
// -1.
func changed(words []Word) int {
	for i, w := range words {
		if atomic.LoadUint32(w.Addr) != w.Old {
			return i
		}
	}
	return -1
}
