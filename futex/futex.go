package futex

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"
)

// Errors of calls that cannot wait, wrapped with the operation.
var (
	ErrNilContext = errors.New("nil context")
	ErrNilAddr    = errors.New("nil address")
	ErrNoWords    = errors.New("no words to wait on")
)

// A Word is a word to wait on, and the value it is expected to have.
type Word struct {
	Addr *uint32
	Old  uint32
}

// Wait sleeps while *addr == old, until it is woken by [Wake] or ctx ends. It
// returns nil if it was woken, if *addr differed from old, or for no reason, and
// ctx.Err() if the context has ended.
func Wait(ctx context.Context, addr *uint32, old uint32) error {
	return WaitUntil(ctx, addr, old, time.Time{})
}

// WaitUntil is [Wait] with a deadline, at which it returns
// [os.ErrDeadlineExceeded]. The zero deadline means none. A deadline without a
// monotonic clock reading is converted by the wall clock at the time of the call;
// later changes of the wall clock do not move it.
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

// WaitAny sleeps while every word has its expected value, until one of them is
// woken by [Wake] or ctx ends. It returns the index of a word that was woken or
// that differed, or an error like [Wait]'s.
//
// Beyond 127 words, or where the kernel cannot wait on several, it polls as
// described for platforms without futexes.
func WaitAny(ctx context.Context, words []Word) (int, error) {
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
	return waitAny(ctx, words)
}

// Wake wakes up to n of those who wait on addr, in this and other processes, and
// returns how many it woke. Where waiters poll (see [Native]) that is 0.
func Wake(addr *uint32, n int) (woken int) {
	if addr == nil || n <= 0 {
		return 0
	}
	return wake(addr, n)
}

// Native reports whether the kernel does the waiting, rather than this package by
// polling.
func Native() bool { return native() }

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
