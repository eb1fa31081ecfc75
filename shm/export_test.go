package shm

import (
	"context"
	"sync/atomic"

	"github.com/isthmus-go/isthmus/internal/arch"
)

// Died is the bit of the lock word that a death inside sets.
const Died = died

// Word returns the lock word.
func (l *Lock) Word() uint64 { return atomic.LoadUint64(l.word) }

// Sleepers reports whether anybody may be asleep.
func (l *Lock) Sleepers() bool { return l.queue.Waiting() }

// HalfUnlock is what Unlock has done by the time it looks for sleepers.
func (l *Lock) HalfUnlock() { atomic.CompareAndSwapUint64(l.word, l.id, 0) }

// The steps of a Store of more than 8 bytes, in order.
const (
	StepLocked    = "locked"    // the writer has the lock
	StepWritten   = "written"   // and has written, in whole or in part, the next copy
	StepPublished = "published" // and has published it
)

// StoreUpTo does what Store has done after a step.
func (v *Value[T]) StoreUpTo(step string, x T) {
	b := v.big
	if !b.lock.tryLock() {
		_ = b.lock.lockSlow(context.Background())
	}
	if step == StepLocked {
		return
	}
	seq := atomic.LoadUint64(b.seq)
	*b.copy[(seq+1)%copies] = x
	if step == StepWritten {
		return
	}
	arch.StoreRelease64(b.seq, seq+1)
}

// Sequence returns how often a Value of more than 8 bytes was written.
func (v *Value[T]) Sequence() uint64 { return atomic.LoadUint64(v.big.seq) }

// SetSequence lets a fresh Value of more than 8 bytes go on from n, a multiple
// of the number of copies.
func (v *Value[T]) SetSequence(n uint64) { atomic.StoreUint64(v.big.seq, n) }

// WritersWait reports whether anybody may be asleep for a turn to write.
func (v *Value[T]) WritersWait() bool { return v.big.lock.queue.Waiting() }

// Urgent reports whether a waiter is to have the lock before all others.
func (l *Lock) Urgent() bool { return l.queue.Barred() }
