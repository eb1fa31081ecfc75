package semaphore

import (
	"sync/atomic"
	"testing"

	"github.com/isthmus-go/isthmus/internal/arch"
	"github.com/isthmus-go/isthmus/internal/layout"
)

// Sleepers reports whether anybody may be asleep.
func (s *Semaphore) Sleepers() bool { return s.queue.Waiting() }

// Urgent reports whether a waiter is urgent.
func (s *Semaphore) Urgent() bool { return s.queue.Barred() }

// Busy reports whether a process is inside a change.
func (s *Semaphore) Busy() bool { return !settled(atomic.LoadUint64(&s.mem.word)) }

// The steps of a change, in order.
const (
	StepBegun   = "begun"   // the word says who is at it, and what will be free
	StepHeld    = "held"    // the held word is what it will be
	StepSettled = "settled" // the word is too, but nobody was woken
	StepTaken   = "taken"   // of a repair: the word says who is at it
)

// ChangeUpTo does what the taking of n permits, or their return if n is negative,
// has done after a step. Nobody may be inside a change.
func (s *Semaphore) ChangeUpTo(step string, n int64) {
	w := atomic.LoadUint64(&s.mem.word)
	to := w - uint64(n)
	if !settled(w) || !atomic.CompareAndSwapUint64(&s.mem.word, w, to|s.busy) {
		panic("somebody else changes the semaphore")
	}
	if step == StepBegun {
		return
	}
	arch.StoreRelease64(s.mine, atomic.LoadUint64(s.mine)+uint64(n))
	if step == StepHeld {
		return
	}
	arch.StoreRelease64(&s.mem.word, to)
}

// RepairUpTo does what the repair of a change by a dead process, or the reclaiming of
// the permits that one held, has done after StepTaken.
func (s *Semaphore) RepairUpTo() {
	for {
		if w := atomic.LoadUint64(&s.mem.word); settled(w) && atomic.CompareAndSwapUint64(&s.mem.word, w, w|s.busy) {
			return
		}
		w := atomic.LoadUint64(&s.mem.repairer)
		if s.stuck() && (w == 0 || s.core.Dead(layout.ID(w))) && atomic.CompareAndSwapUint64(&s.mem.repairer, w, uint64(s.core.ID())) {
			return
		}
	}
}

// Fits reports whether n permits can be taken and given back at once, in a semaphore of a
// size. The process in a slot is inside a change, or nobody is if it is -1.
func Fits(size, free int64, slot int, n int64) (take, give bool) {
	s, w := state{size: size}, uint64(free)
	if slot >= 0 {
		w |= changing(slot)
	}
	return s.fits(n, w-uint64(n)), s.fits(n, w+uint64(n))
}

// Free is Value, of a closed segment too.
func (s *Semaphore) Free() int64 { return free(atomic.LoadUint64(&s.mem.word)) }

// SetFree makes n permits free, whoever holds how many.
func (s *Semaphore) SetFree(n int64) { atomic.StoreUint64(&s.mem.word, uint64(n)) }

// AtWake has each release of this process call f after its first wake, while t runs.
func AtWake(t testing.TB, f func()) {
	before := atWake
	t.Cleanup(func() { atWake = before })
	atWake = f
}

// SetChoosy says whether anybody has slept for more than one permit.
func (s *Semaphore) SetChoosy(choosy bool) {
	w := uint32(0)
	if choosy {
		w = 1
	}
	atomic.StoreUint32(&s.mem.weighty, w)
}

// ReleaseSilently is what Release has done before it wakes anybody.
func (s *Semaphore) ReleaseSilently(n int64) {
	for s.give(n) != done {
	}
}
