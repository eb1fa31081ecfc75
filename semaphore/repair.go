package semaphore

import (
	"math"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/isthmus-go/isthmus/internal/arch"
	"github.com/isthmus-go/isthmus/internal/liveness"
	"github.com/isthmus-go/isthmus/internal/wait"
)

// backoff waits out a change by somebody else. A change takes a few
// nanoseconds, unless its process is preempted, paused or dead.
type backoff struct {
	round, limit int
	done         <-chan struct{} // gives up when closed
}

const (
	pause  = 20 * time.Nanosecond
	pauses = 64 // rounds of one pause
	yields = 16 // rounds of giving the processor to other goroutines
)

// brief is the backoff of an operation that must not block: it ends before the
// first sleep. patient goes on until the change is over or the segment closed.
// forbearing is for one of several cases, which the others must not wait for: some 2 ms.
var (
	brief      = backoff{limit: pauses + yields + 1}
	forbearing = backoff{limit: pauses + yields + 20}
	patient    = backoff{limit: math.MaxInt}
)

// wait waits for a moment after the word was seen busy. It reports false if the
// caller should give up.
func (b *backoff) wait(s *state) bool {
	b.round++
	switch n := b.round - pauses - yields; {
	case b.round <= pauses:
		wait.Pause(pause)
	case n <= 0:
		runtime.Gosched()
	default:
		select {
		case <-b.done:
			return false
		default:
		}
		if b.round > b.limit || s.core.Closed() {
			return false
		}
		if s.takeOver() {
			return true
		}
		if b.round == b.limit {
			return false
		}
		select {
		case <-time.After(min(time.Duration(n)*10*time.Microsecond, time.Millisecond)):
		case <-b.done:
			return false
		}
	}
	return true
}

// enter makes the line of this process's slot its own (Invariant 5). What is there
// is of an earlier owner of the slot, who is dead. If busy names the line, nobody is
// alive who could settle the word, but the repairer.
func (s *state) enter() {
	if s.signalling {
		return
	}
	mine := func() bool { return atomic.LoadUint64(&s.mem.word)>>busyShift == s.busy>>busyShift }
	for b := patient; mine() && !s.repairIf(mine); {
		if !b.wait(s) {
			return // the segment is closed, but maybe not severed yet
		}
	}
	s.ledger.Enter()
}

// takeOver finishes the change of a dead process, and reports whether it did.
func (s *state) takeOver() bool { return s.stuck() && s.repairIf(s.stuck) }

// stuck reports whether the word names the line of somebody who died inside a change.
// It looks at the word again after it has found out that the line's owner is dead, for
// the owner may have settled the word before; and at the owner again after that, for
// another may have got the line, and be inside a change.
func (s *state) stuck() bool {
	busy := atomic.LoadUint64(&s.mem.word) >> busyShift
	slot := int(busy) - firstSlot
	if slot < 0 || slot >= s.ledger.Len() {
		return busy != 0 // that is no line: somebody has spoilt the word
	}
	owner := s.ledger.Owner(slot)
	return s.core.DeadIn(slot, owner) &&
		atomic.LoadUint64(&s.mem.word)>>busyShift == busy && s.ledger.Owner(slot) == owner
}

// reclaim brings back the permits of the dead, by a change like any other. It does
// nothing while somebody else is inside one.
func (s *state) reclaim() {
	if s.signalling || !s.anyDead() {
		return
	}
	w := atomic.LoadUint64(&s.mem.word)
	if settled(w) && atomic.CompareAndSwapUint64(&s.mem.word, w, w|s.busy) {
		s.settle()
		s.queue.Tally().Repaired()
		s.wakeAll()
	}
}

// anyDead reports whether a dead process's permits are missing from the sum.
func (s *state) anyDead() bool {
	w := atomic.LoadUint64(&s.mem.word)
	return settled(w) && free(w)+s.heldByLiving() != s.size &&
		atomic.LoadUint64(&s.mem.word) == w // else the sum was of different times
}

// repairIf ends the change of a dead process, if nobody else alive is doing so and
// if it is due: asked by the repairer. It reports whether it has.
func (s *state) repairIf(due func() bool) bool {
	w := atomic.LoadUint64(&s.mem.repairer)
	if w != 0 && !s.core.Dead(liveness.ID(w)) || !atomic.CompareAndSwapUint64(&s.mem.repairer, w, uint64(s.core.ID())) {
		return false
	}
	repair := due()
	if repair {
		s.settle()
	}
	arch.StoreRelease64(&s.mem.repairer, 0) // at once: who is paused as the repairer holds up the others
	if repair {
		s.queue.Tally().Repaired()
		s.wakeAll()
	}
	return repair
}

// settle ends a change, with free computed anew.
func (s *state) settle() {
	free := max(s.size-s.heldByLiving(), 0)
	arch.StoreRelease64(&s.mem.word, uint64(free))
}

func (s *state) wakeAll() {
	arch.Fence()
	if s.queue.Waiting() {
		s.queue.WakeAll()
	}
}

// heldByLiving adds up what the living hold. The sum is exact inside a change.
func (s *state) heldByLiving() int64 { return s.ledger.Living(s.size) }
