package semaphore

import (
	"sync"
	"sync/atomic"

	"github.com/isthmus-go/isthmus/internal/arch"
	"github.com/isthmus-go/isthmus/internal/layout"
	"github.com/isthmus-go/isthmus/internal/ledger"
	"github.com/isthmus-go/isthmus/internal/segment"
	"github.com/isthmus-go/isthmus/internal/wait"
)

// state is the shared memory of a semaphore: one word that holds the free
// permits and says who is changing them, and a ledger (internal/ledger) of the permits
// that each process holds.
//
//	0    word:     bits 0-10 busy, 11-63 free
//	8    queue:    words of the Queue that acquirers wait in
//	24   repairer: id of the process that repairs, 0 if nobody does
//	32   weighty:  1 once anybody has slept for more than one permit
//	128  ledger
//
// States of the word. Settled: busy is 0. Changing: busy is the slot, plus 1, of
// the process inside a change, and free is already what it will be afterwards.
//
// A change, by a process P: compare-and-swap from settled to changing, with the
// new free; store the permits of P's line; store the word with busy 0. A
// signalling semaphore has no lines, and a change is one compare-and-swap.
//
// Invariants
//
//  1. While the word is settled, free + the permits in the lines of the living +
//     those held by processes that died since the last repair = size. (A signalling
//     semaphore has no such sum.)
//  2. While busy names the line of a live process P, nobody else stores the word or
//     P's permits. Goroutines of P take turns by the same compare-and-swap.
//  3. If busy names the line of a dead process, only the repairer stores the word.
//     It computes free anew as size - the permits of the living. How far the dead
//     process got does not matter, since what it held comes back in any case. A
//     death during a repair leaves the same situation as before.
//  4. The permits of a process that died outside a change come back by a change of
//     whoever finds too few permits, which computes free in the same way.
//  5. A line changes its owner only while busy does not name the line. So a word in
//     which busy names a line says which process that is, for as long as it stands.
//  6. There is at most one repairer that is alive. Who finds a dead one in the
//     repairer's word takes its place by compare-and-swap from that id. It is the
//     repairer from before it looks whether a repair is due until the word is settled,
//     and no longer. One that is paused in between holds up those who wait for that
//     repair: all users, while the word is not settled.
//
// Memory orderings. A change begins with a read-modify-write, which pairs with
// the release store that settled the word: that store published the permits. The
// settling store of a release pairs with the load in the acquire of a waiter, and
// the Event's fence follows it. (The model finds that a semaphore would do without:
// a waiter that sees a change that is not settled does not go to sleep.)
//
// Model: models/semaphore.pml.
type state struct {
	core       *segment.Segment
	size       int64
	signalling bool
	fence      bool // wakers run a fence of their own

	word     *uint64
	queue    wait.Queue
	weighty  *uint32
	repairer *uint64
	ledger   ledger.Ledger // without lines if signalling
	busy     uint64        // this process in the word
	mine     *uint64       // the permits of this process's line; nil if signalling
	entered  sync.Once
}

const (
	busyBits   = 11
	busyMask   = 1<<busyBits - 1
	freeShift  = busyBits
	maxPermits = 1<<(64-freeShift) - 1

	queueOffset    = 8
	repairerOffset = 24
	weightyOffset  = 32
	ledgerOffset   = arch.CacheLine
)

const _ uint = busyMask - layout.MaxProcs

// stateSize is the number of bytes that a semaphore takes.
func stateSize(procs int, signalling bool) uint64 {
	if signalling {
		return ledgerOffset
	}
	return ledgerOffset + ledger.Size(procs)
}

// init makes this process's side of the semaphore in mem.
func (s *state) init(core *segment.Segment, mem []byte, size int64, signalling bool) {
	s.core = core
	s.size = size
	s.signalling = signalling
	s.fence = core.WakerFence()
	s.word = layout.At[uint64](mem, 0)
	s.queue.Init(layout.At[wait.Words](mem, queueOffset), core, true)
	s.weighty = layout.At[uint32](mem, weightyOffset)
	s.repairer = layout.At[uint64](mem, repairerOffset)
	if signalling {
		return
	}
	s.ledger = ledger.New(core, mem[ledgerOffset:])
	s.busy = uint64(core.Slot()) + 1
	s.mine = s.ledger.Mine()
}

// outcome is what came of one attempt at a change.
type outcome int

const (
	done   outcome = iota
	refuse         // too few permits, or too many
	busy           // somebody is inside a change
	again          // somebody else was faster
)

// settled reports whether nobody is inside a change.
func settled(w uint64) bool { return w&busyMask == 0 }

// free returns the free permits.
func free(w uint64) int64 { return int64(w >> freeShift) }

// less returns the word with n permits fewer.
func less(w uint64, n int64) uint64 { return w - uint64(n)<<freeShift }

// change takes n permits, or gives -n back: the word becomes to, if it is still w, and
// both are settled. It refuses to give back more than this process holds.
func (s *state) change(w, to uint64, n int64) outcome {
	word, mine := s.word, s.mine // now: later loads wait for the locked instruction
	if !atomic.CompareAndSwapUint64(word, w, to|s.busy) {
		return again
	}
	if mine == nil {
		return done
	}
	held := int64(atomic.LoadUint64(mine)) + n
	if held < 0 {
		arch.StoreRelease64(word, w)
		return refuse
	}
	arch.StoreRelease64(mine, uint64(held))
	arch.StoreRelease64(word, to)
	return done
}

// take makes one attempt to take n permits. Nobody but the first is served while
// the Queue is barred.
func (s *state) take(n int64, first bool) outcome {
	w := atomic.LoadUint64(s.word)
	switch {
	case !settled(w):
		return busy
	case free(w) < n || !first && s.queue.Barred():
		return refuse
	}
	return s.change(w, less(w, n), n)
}

// give makes one attempt to give n permits back. It refuses if they are more
// than this process holds or, signalling, more than the bound allows.
func (s *state) give(n int64) outcome {
	w := atomic.LoadUint64(s.word)
	switch {
	case !settled(w):
		return busy
	case s.size-free(w) < n:
		return refuse
	}
	return s.change(w, less(w, -n), -n)
}

// acquire takes n permits, and reports false if there are too few, or if the
// word stays busy for as long as b allows.
func (s *state) acquire(n int64, first bool, b backoff) bool {
	for {
		switch s.take(n, first) {
		case done:
			return true
		case refuse:
			return false
		case busy:
			if !b.wait(s) {
				return false
			}
		}
	}
}

// release gives n permits back, and reports false if they are too many.
func (s *state) release(n int64) bool {
	b := patient
	for {
		switch s.give(n) {
		case done:
			s.gave(n)
			return true
		case refuse:
			return false
		case busy:
			if !b.wait(s) {
				return true // the segment was closed: its caller finds out
			}
		}
	}
}

// gave follows the giving back of n permits.
func (s *state) gave(n int64) {
	if s.fence {
		arch.Fence()
	}
	if s.queue.Waiting() {
		s.wake(n)
	}
}

// wake wakes whoever may want n more permits.
func (s *state) wake(n int64) {
	if s.choosy() {
		n = wait.Everybody
	}
	s.queue.Wake(int(min(n, wait.Everybody)))
	atWake()
	if n < wait.Everybody && s.choosy() {
		s.queue.Wake(wait.Everybody) // one who came just now may have taken the wake
	}
}

// atWake is called after the first wake of a release, so that tests can have somebody
// come there.
var atWake = func() {}

// choosy reports whether the first to wake may not be one that can be served.
func (s *state) choosy() bool { return atomic.LoadUint32(s.weighty) != 0 }
