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
	pauses = 64 // rounds of one spin-wait hint
	yields = 16 // rounds of giving the processor to other goroutines
)

// brief is the backoff of an operation that must not block: it ends before the
// first sleep. patient goes on until the change is over or the segment closed.
var (
	brief   = backoff{limit: pauses + yields + 1}
	patient = backoff{limit: math.MaxInt}
)

// wait waits for a moment after the word was seen busy. It reports false if the
// caller should give up.
func (b *backoff) wait(s *state) bool {
	b.round++
	switch n := b.round - pauses - yields; {
	case b.round <= pauses:
		arch.Pause(1)
	case n <= 0:
		runtime.Gosched()
	default:
		if s.takeOver() {
			return true
		}
		if b.round >= b.limit || s.core.Closed() {
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

// takeOver finishes the change of a dead process, and reports whether it did.
func (s *state) takeOver() bool {
	w := atomic.LoadUint64(s.word)
	busy := liveness.ID(w & busyMask)
	if busy == 0 || !s.core.Dead(busy) || !atomic.CompareAndSwapUint64(s.word, w, w&^busyMask|s.id) {
		return false
	}
	s.repair()
	return true
}

// reclaim brings back the permits of the dead. It does nothing while somebody
// else is inside a change.
func (s *state) reclaim() {
	if s.signalling {
		return
	}
	w := atomic.LoadUint64(s.word)
	if w&busyMask != 0 || !s.anyDead() {
		return
	}
	if atomic.CompareAndSwapUint64(s.word, w, w|s.id) {
		s.repair()
	}
}

// anyDead reports whether a dead process's permits are missing from the sum.
func (s *state) anyDead() bool {
	w := atomic.LoadUint64(s.word)
	return w&busyMask == 0 && int64(w>>freeShift)+s.heldByLiving() != s.size &&
		atomic.LoadUint64(s.word) == w // else the sum was of different times
}

// repair ends a change, with free computed anew.
func (s *state) repair() {
	free := max(s.size-s.heldByLiving(), 0)
	arch.StoreRelease64(s.word, uint64(free)<<freeShift)
	arch.Fence()
	if s.event.Waiting() {
		s.event.Notify(wait.Everybody)
	}
}

// heldByLiving adds up what the living hold. The sum is exact inside a change.
func (s *state) heldByLiving() (sum int64) {
	for slot, held := range s.held {
		h := atomic.LoadUint64(held)
		permits := int64(h & heldMask)
		if permits == 0 || permits > s.size {
			continue // nothing, or not a count that any change has stored
		}
		if !s.core.Dead(liveness.NewID(slot, uint32(h>>genShift))) {
			sum += permits
		}
	}
	return sum
}
