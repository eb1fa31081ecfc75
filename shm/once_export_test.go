package shm

import "sync/atomic"

// Awaited reports whether anybody may be asleep in Do.
func (o *Once) Awaited() bool { return o.waiters.Waiting() }

// EndSilently is what Do has done after an f that succeeded, before it wakes anybody.
func (o *Once) EndSilently() { atomic.CompareAndSwapUint64(o.word, o.id, onceDone) }
