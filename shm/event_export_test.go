package shm

import (
	"context"
	"sync/atomic"
)

// Awaited reports whether anybody may be asleep for e.
func (e *Event) Awaited() bool { return e.waiters.Waiting() }

// SetSilently is what Set has done before it wakes anybody.
func (e *Event) SetSilently() { atomic.AddUint64(e.word, eventGeneration|eventSet) }

// SetGeneration lets a clear Event go on from generation n.
func (e *Event) SetGeneration(n uint64) { atomic.StoreUint64(e.word, n*eventGeneration) }

// Word returns what SetSince takes.
func (e *Event) Word() uint64 { return atomic.LoadUint64(e.word) }

// SetSince is what Wait does after it has loaded the word.
func (e *Event) SetSince(ctx context.Context, w uint64) error {
	return e.waiters.AwaitEach(ctx, func() bool { return e.setSince(w) }, func() {})
}
