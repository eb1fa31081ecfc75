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
//	0    word:     bits 0-52 free, 53-63 busy
//	8    queue:    words of the Queue that acquirers wait in
//	24   repairer: id of the process that repairs, 0 if nobody does
//	32   weighty:  1 once anybody has slept for more than one permit
//	128  ledger
//
// States of the word. Settled: busy is 0. Changing: busy is the slot, plus 2, of
// the process inside a change, and free is already what it will be afterwards. A word
// that is changing is more than twice any size: see fits.
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

	side
	queue   wait.Queue
	ledger  ledger.Ledger // without lines if signalling
	entered sync.Once
}

// side is what a process needs for a change. Copied before, it stays in registers.
type side struct {
	mem  *memory
	busy uint64  // this process in the word; 0 if signalling
	mine *uint64 // the permits of this process's line; if signalling, more than it gives back
}

// memory is what is in shared memory before the ledger.
type memory struct {
	word     uint64
	queue    wait.Words
	repairer uint64
	weighty  uint32
}

const (
	busyShift  = 53
	firstSlot  = 2 // slot 0 in the word
	maxPermits = 1<<busyShift - 1

	ledgerOffset = arch.CacheLine
)

const _ uint = 1<<(64-busyShift) - 1 - (firstSlot + layout.MaxProcs)

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
	s.mem = layout.At[memory](mem, 0)
	s.queue.Init(&s.mem.queue, core, true)
	s.queue.CountIn(new(wait.Tally))
	if signalling {
		s.mine = new(uint64)
		*s.mine = maxPermits
		return
	}
	s.ledger = ledger.New(core, mem[ledgerOffset:])
	s.busy = changing(core.Slot())
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
func settled(w uint64) bool { return w>>busyShift == 0 }

// changing returns the busy of the process in a slot.
func changing(slot int) uint64 { return (uint64(slot) + firstSlot) << busyShift }

// free returns the free permits.
func free(w uint64) int64 { return int64(w & (1<<busyShift - 1)) }

// fits reports whether the word is settled, and n permits more or less make it to, with
// from 0 to size free. If the word is changing, to is larger than size.
func (s *state) fits(n int64, to uint64) bool {
	return uint64(n) <= uint64(s.size) && to <= uint64(s.size)
}

// begin begins a change from w to to, both settled, if the word is still w.
func (s side) begin(w, to uint64) bool {
	return atomic.CompareAndSwapUint64(&s.mem.word, w, to|s.busy)
}

// held returns how many permits this process holds, inside a change.
func (s side) held() int64 { return int64(atomic.LoadUint64(s.mine)) }

// end ends a change to to, with what this process holds then.
func (s side) end(to uint64, held int64) {
	if s.busy != 0 {
		arch.StoreRelease64(s.mine, uint64(held))
		arch.StoreRelease64(&s.mem.word, to)
	}
}

// take makes one attempt to take n permits. Nobody but the first is served while
// the Queue is barred.
func (s *state) take(n int64, first bool) outcome {
	w := atomic.LoadUint64(&s.mem.word)
	to := w - uint64(n)
	switch {
	case !settled(w):
		return busy
	case !s.fits(n, to) || !first && s.queue.Barred():
		return refuse
	case !s.begin(w, to):
		return again
	}
	s.end(to, s.held()+n)
	return done
}

// give makes one attempt to give n permits back. It refuses if they are more
// than this process holds or, signalling, more than the bound allows.
func (s *state) give(n int64) outcome {
	w := atomic.LoadUint64(&s.mem.word)
	to := w + uint64(n)
	switch {
	case !settled(w):
		return busy
	case !s.fits(n, to):
		return refuse
	case !s.begin(w, to):
		return again
	}
	held := s.held()
	if held < n {
		s.end(w, held)
		return refuse
	}
	s.end(to, held-n)
	return done
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

// release gives n permits back. It reports false if they are too many, or the segment is closed.
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
				return false // the segment was closed
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
func (s *state) choosy() bool { return atomic.LoadUint32(&s.mem.weighty) != 0 }
