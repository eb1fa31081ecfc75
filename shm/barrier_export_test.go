package shm

import (
	"context"
	"sync/atomic"

	"github.com/isthmus-go/isthmus/internal/arch"
)

// Awaited reports whether anybody may be asleep in Wait.
func (b *Barrier) Awaited() bool { return b.waiters.Waiting() }

// SetPhase lets a fresh Barrier go on from a phase, and the last one that was broken.
func (b *Barrier) SetPhase(phase, broke uint32) {
	atomic.StoreUint64(b.word, makeBarrier(phase, broke))
}

// Phase returns how many phases have ended.
func (b *Barrier) Phase() uint32 { return phaseOf(b.load()) }

// Stay takes the lock of those who arrive.
func (b *Barrier) Stay() { _ = b.begin(context.Background()) }

// EnterHalf is what the first Wait of a process has done before it arrives.
func (b *Barrier) EnterHalf() {
	b.Stay()
	b.enter()
}

// ArriveHalf is what Wait has done before it ends the phase.
func (b *Barrier) ArriveHalf() {
	b.Stay()
	b.enter()
	arch.StoreRelease64(b.ledger.Mine(), uint64(b.Phase())<<phaseShift|1<<placesShift|1)
}

// EndSilently is what the Wait of the last party has done before it wakes anybody.
func (b *Barrier) EndSilently() {
	b.ArriveHalf()
	b.end()
	b.lock.Unlock()
}

// ResetHalf is what Reset has done before it begins another phase.
func (b *Barrier) ResetHalf() {
	b.Stay()
	b.breakUp(b.Phase())
	arch.StoreRelease64(b.ledger.Mine(), 0)
}
