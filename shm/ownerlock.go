package shm

import (
	"context"
	"sync/atomic"

	"github.com/isthmus-go/isthmus/internal/arch"
	"github.com/isthmus-go/isthmus/internal/layout"
	"github.com/isthmus-go/isthmus/internal/liveness"
	"github.com/isthmus-go/isthmus/internal/segment"
	"github.com/isthmus-go/isthmus/internal/wait"
)

// ownerLock is the mutual exclusion behind Lock and behind the writers of a
// large Value: one word that names its owner, and a Queue to wait in.
//
// States of the word: the low bits are the owner's id, 0 if there is none; bit
// 63 (died) says that an owner died inside and nobody has declared the
// protected data consistent since.
//
//	free            0          --Lock-->        owned
//	owned           id         --Unlock-->      free
//	owned           id         --owner dies, any waiter-->  free, died
//	free, died      died       --Lock-->        owned, died
//	owned, died     id|died    --Unlock-->      free, died
//	owned, died     id|died    --MarkConsistent-->  owned
//
// Invariants
//
//  1. Only a process whose id is in the word changes the word away from that
//     id, or anybody once that process is dead. Ids are not used again, so a
//     compare-and-swap on a dead owner's id succeeds for one caller at most.
//  2. A death leaves one of the states above, and every transition is a single
//     store: there is nothing to undo. A death between Unlock and its wake
//     leaves sleepers, who wake by their bound (Event, Invariant 4).
//  3. A paused owner is not dead: waiters wait.
//  4. While the Queue is barred only the waiter that is first in it takes the lock:
//     who unlocks and locks again at once does not keep the others out.
//
// Memory orderings. All transitions are compare-and-swaps, but Unlock is a release
// store: nobody else changes the word meanwhile (Invariant 1). Between it and the
// load of the Queue's words lies the Event's fence: the sleepers', or, where wakers
// run one of their own, that of wake. The compare-and-swap of Lock pairs
// with the store of Unlock, or with the one that freed the word of a dead owner,
// whose stores the probe of its file lock in the kernel made visible. The owner
// keeps the word's value in held, which the lock itself protects: to load a word
// right after a locked instruction on it takes 5 ns.
//
// Model: models/lock.pml.
type ownerLock struct {
	_     [0]atomic.Uint64 // aligns held on 32-bit platforms
	held  uint64           // the word while this process is its owner, and 0 otherwise
	word  *uint64
	id    uint64
	core  *segment.Segment
	fence bool // wakers run a fence of their own
	queue wait.Queue
}

const (
	died      = 1 << 63
	ownerMask = died - 1

	queueOffset   = 8 // the Queue's words
	ownerLockSize = queueOffset + 16
)

// init makes this process's side of the lock at the start of mem.
func (l *ownerLock) init(core *segment.Segment, mem []byte) {
	l.word = layout.At[uint64](mem, 0)
	l.queue.Init(layout.At[wait.Words](mem, queueOffset), core, false)
	l.core = core
	l.id = uint64(core.ID())
	l.fence = core.WakerFence()
}

// tryLock takes the lock if it is free, and nobody is to have it before.
func (l *ownerLock) tryLock() bool { return l.take(false) }

// take takes the lock if it is free, and nobody is to have it before the caller,
// which may itself be the first.
func (l *ownerLock) take(first bool) bool {
	w := atomic.LoadUint64(l.word)
	if w&ownerMask != 0 || !first && l.queue.Barred() || !atomic.CompareAndSwapUint64(l.word, w, w|l.id) {
		return false
	}
	arch.StoreRelease64(&l.held, w|l.id)
	return true
}

// tryFree takes the lock if it is in the state that it is nearly always in. It reports
// false where the segment is closed, too: callers then come by lockSlow to that.
func (l *ownerLock) tryFree() bool {
	if l.queue.Barred() || !atomic.CompareAndSwapUint64(l.word, 0, l.id) {
		return false
	}
	arch.StoreRelease64(&l.held, l.id)
	return !l.core.Closed()
}

// lockSlow waits for the lock. It returns nil without the lock if the segment
// is closed: callers check that after every acquisition.
func (l *ownerLock) lockSlow(ctx context.Context) error {
	return l.queue.Await(ctx,
		func(first bool) bool { return l.take(first) || l.core.Closed() },
		l.freeDead)
}

// freeDead frees the lock if its owner is dead.
func (l *ownerLock) freeDead() {
	w := atomic.LoadUint64(l.word)
	owner := w & ownerMask
	if owner != 0 && l.core.Dead(liveness.ID(owner)) {
		if atomic.CompareAndSwapUint64(l.word, w, died) {
			l.wake()
		}
	}
}

// makeWay makes what the dead have left of the lock no obstacle to a tryLock.
func (l *ownerLock) makeWay() {
	l.queue.DropStale()
	l.freeDead()
}

// unlock gives the lock up and reports whether it was held by this process.
func (l *ownerLock) unlock() bool {
	w := atomic.LoadUint64(&l.held)
	if w == 0 {
		return false
	}
	if !l.giveUp(w) {
		l.wake()
	}
	return true
}

// giveUp gives the lock up, whose word is w. It reports whether that is all: there is
// nobody to wake, and the segment is open.
func (l *ownerLock) giveUp(w uint64) bool {
	arch.StoreRelease64(&l.held, 0)
	arch.StoreRelease64(l.word, w&died)
	return !l.fence && !l.queue.Waiting() && !l.core.Closed()
}

// wake wakes one who waits, after a change of the word.
func (l *ownerLock) wake() {
	if l.fence {
		arch.Fence()
	}
	if l.queue.Waiting() {
		l.queue.Wake(1)
	}
}

// ownerDied reports whether an owner died inside. Only the holder may ask.
func (l *ownerLock) ownerDied() bool { return atomic.LoadUint64(&l.held)&died != 0 }

// markConsistent clears died and reports whether this process holds the lock.
func (l *ownerLock) markConsistent() bool {
	w := atomic.LoadUint64(&l.held)
	if w&died == 0 {
		return w != 0
	}
	return atomic.CompareAndSwapUint64(&l.held, w, l.id) && atomic.CompareAndSwapUint64(l.word, w, l.id)
}
