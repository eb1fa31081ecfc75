package shm

import (
	"context"

	"github.com/isthmus-go/isthmus/internal/arch"
)

// Awaited reports whether anybody may be asleep in Wait.
func (b *Barrier) Awaited() bool { return b.waiters.Waiting() }

// Phase returns how many phases are over.
func (b *Barrier) Phase() uint64 { return phaseOf(b.load()) }

// Come is what Wait does before it waits. It returns the phase.
func (b *Barrier) Come() uint64 {
	phase, _, _ := b.arrive(context.Background())
	return phase
}

// Broke is how a Wait finds out whether its phase, which is over, was broken.
func (b *Barrier) Broke(phase uint64) bool { return b.broke(phase) }

// Stay takes the lock of those who arrive.
func (b *Barrier) Stay() { _ = b.begin(context.Background()) }

// Attend is what who waits for the end of a phase does from time to time.
func (b *Barrier) Attend(phase uint64) (leader bool) { return b.attend(phase) }

// EnterHalf is what the first Wait of a process has done before it comes.
func (b *Barrier) EnterHalf() {
	b.Stay()
	b.look()
	b.lines.enter()
}

// ArriveHalf is what Wait has done before it ends the phase.
func (b *Barrier) ArriveHalf() {
	b.EnterHalf()
	b.lines.come(b.Phase())
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
	b.lines.reset()
	arch.StoreRelease64(b.begun, b.Phase()+1)
}
