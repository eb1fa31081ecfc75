package semaphore

import (
	"sync/atomic"

	"github.com/isthmus-go/isthmus/internal/arch"
	"github.com/isthmus-go/isthmus/internal/liveness"
	"github.com/isthmus-go/isthmus/internal/segment"
	"github.com/isthmus-go/isthmus/internal/wait"
)

// state is the shared memory of a semaphore: one word that holds the free
// permits and names the process that is changing them, and a word for each
// process that says how many permits it holds.
//
//	0    word:    bits 0-29 busy, 30-63 free
//	8    event:   the Event that acquirers sleep on
//	12   weighty: 1 once anybody has slept for more than one permit
//	16   urgent:  the waiter that is served first, see urgent.go
//	128  held:    a word per process slot, 128 apart: generation<<40 | permits
//
// States of the word. Settled: busy is 0. Changing: busy is the id of the
// process inside a change, and free is already what it will be afterwards.
//
// A change, by a process P: compare-and-swap from settled to changing, with
// the new free; store P's new held word; store the word with busy 0. A
// signalling semaphore has no held words, and a change is one compare-and-swap.
//
// Invariants
//
//  1. While the word is settled, free + the permits held by the living + those
//     held by processes that died since the last repair = size. (A signalling
//     semaphore has no such sum.)
//  2. While busy names a live process P, nobody else stores the word or P's
//     held word. Goroutines of P take turns by the same compare-and-swap.
//  3. If busy names a dead process, whoever notices puts its own id in place
//     of the dead one by compare-and-swap, and repairs: it computes free anew
//     as size - the permits held by the living. How far the dead process got
//     does not matter, since what it held comes back in any case. A death
//     during a repair leaves the same situation as before.
//  4. The permits of a process that died outside a change come back by the same
//     repair, done by whoever finds too few permits.
//  5. A held word counts only under the slot's present generation; what an
//     earlier process has left there is a dead process's.
//
// Memory orderings. A change begins with a read-modify-write, which pairs with
// the release store that settled the word: that store published held. The
// settling store of a release pairs with the load in the acquire of a waiter, and
// the Event's fence follows it. (The model finds that a semaphore would do without:
// a waiter that sees a change that is not settled does not go to sleep.)
//
// Model: models/semaphore.pml.
type state struct {
	core       *segment.Segment
	id         uint64
	size       int64
	signalling bool
	fence      bool // wakers run a fence of their own

	word    *uint64
	event   wait.Event
	weighty *uint32
	urgent  *uint64
	held    []*uint64
	mine    *uint64

	noneHeld uint64 // this process's held word without permits

	patience patience
}

const (
	busyMask   = 1<<liveness.IDBits - 1
	freeShift  = liveness.IDBits
	maxPermits = 1<<(64-freeShift) - 1

	eventOffset   = 8
	weightyOffset = 12
	urgentOffset  = 16
	heldOffset    = arch.CacheLine

	genShift = 40
	heldMask = 1<<genShift - 1
)

// stateSize is the number of bytes that a semaphore takes.
func stateSize(procs int, signalling bool) uint64 {
	if signalling {
		return heldOffset
	}
	return heldOffset + uint64(procs)*arch.CacheLine
}

// outcome is what came of one attempt at a change.
type outcome int

const (
	done   outcome = iota
	refuse         // too few permits, or too many
	busy           // somebody is inside a change
	again          // somebody else was faster
)

// take makes one attempt to take n permits. An urgent process is served before
// others.
func (s *state) take(n int64) outcome {
	word, mine, none := s.word, s.mine, s.noneHeld // now: later loads wait for the locked instruction
	w := atomic.LoadUint64(word)
	urgent := urgentID(atomic.LoadUint64(s.urgent))
	settled := w - uint64(n)<<freeShift
	switch {
	case w&busyMask != 0:
		return busy
	case int64(w>>freeShift) < n || urgent != 0 && urgent != s.id:
		return refuse
	case s.signalling:
		if atomic.CompareAndSwapUint64(word, w, settled) {
			return done
		}
		return again
	case !atomic.CompareAndSwapUint64(word, w, settled|s.id):
		return again
	}
	arch.StoreRelease64(mine, holding(mine, none)+uint64(n))
	arch.StoreRelease64(word, settled)
	return done
}

// give makes one attempt to give n permits back. It refuses if they are more
// than this process holds or, signalling, more than the bound allows.
func (s *state) give(n int64) outcome {
	word, mine, none := s.word, s.mine, s.noneHeld
	w := atomic.LoadUint64(word)
	settled := w + uint64(n)<<freeShift
	switch {
	case w&busyMask != 0:
		return busy
	case n > s.size-int64(w>>freeShift):
		return refuse
	case s.signalling:
		if atomic.CompareAndSwapUint64(word, w, settled) {
			return done
		}
		return again
	case !atomic.CompareAndSwapUint64(word, w, settled|s.id):
		return again
	}
	held := holding(mine, none)
	if held&heldMask < uint64(n) {
		arch.StoreRelease64(word, w)
		return refuse
	}
	arch.StoreRelease64(mine, held-uint64(n))
	arch.StoreRelease64(word, settled)
	if s.fence {
		arch.Fence()
	}
	return done
}

// holding returns this process's held word, mine, where none says that it holds
// no permits. Only inside a change.
func holding(mine *uint64, none uint64) uint64 {
	h := atomic.LoadUint64(mine)
	if h&^heldMask != none {
		return none // it is an earlier process's
	}
	return h
}

// acquire takes n permits, and reports false if there are too few, or if the
// word stays busy for as long as b allows.
func (s *state) acquire(n int64, b backoff) bool {
	for {
		switch s.take(n) {
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
			if s.event.Waiting() {
				s.wake(n)
			}
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

// wake wakes whoever may want n more permits.
func (s *state) wake(n int64) {
	if s.choosy() {
		n = wait.Everybody
	}
	s.event.Notify(int(min(n, wait.Everybody)))
	if n < wait.Everybody && s.choosy() {
		s.event.Notify(wait.Everybody) // one who came just now may have taken the wake
	}
}

// choosy reports whether the first to wake may not be one that can be served.
func (s *state) choosy() bool {
	return atomic.LoadUint32(s.weighty) != 0 || urgentID(atomic.LoadUint64(s.urgent)) != 0
}
