// Package ownerlock is a mutual exclusion lock in shared memory that objects embed. It
// outlives its owners: who waits for a dead one frees the lock, and marks it.
package ownerlock

import (
	"context"
	"sync/atomic"

	"github.com/isthmus-go/isthmus/internal/arch"
	"github.com/isthmus-go/isthmus/internal/layout"
	"github.com/isthmus-go/isthmus/internal/liveness"
	"github.com/isthmus-go/isthmus/internal/segment"
	"github.com/isthmus-go/isthmus/internal/wait"
)

// Lock is one word that names its owner, and a Queue to wait in. It is the mutual
// exclusion behind shm.Lock, and behind the writers of a large shm.Value.
//
// States of the word: the low bits are the owner's id, 0 if there is none; bit
// 63 (died) says that an owner died inside and nobody has declared the
// protected data consistent since. Bit 62 (outside) is there for objects in which an
// owner has more to wait for before it is inside (Outside).
//
//	free            0          --Lock-->        owned
//	owned           id         --Unlock-->      free
//	owned           id         --owner dies, any waiter-->  free, died
//	free, died      died       --Lock-->        owned, died
//	owned, died     id|died    --Unlock-->      free, died
//	owned, died     id|died    --MarkConsistent-->  owned
//	owned, outside             --Enter-->       owned
//	owned                      --Leave-->       owned, outside
//	owned, outside             --Unlock, or its owner dies-->  free, and died if it was
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
// Memory orderings. All transitions are compare-and-swaps, but Unlock, Enter and Leave are
// release stores: nobody else changes the word meanwhile (Invariant 1). Between that of Unlock
// and the load of the Queue's words lies the Event's fence: the sleepers', or, where wakers
// run one of their own, that of Wake. The compare-and-swap of Lock pairs
// with the store of Unlock, or with the one that freed the word of a dead owner,
// whose stores the probe of its file lock in the kernel made visible. The owner
// keeps the word's value in held, which the lock itself protects: to load a word
// right after a locked instruction on it takes 5 ns.
//
// Model: models/lock.pml.
type Lock struct {
	_     [0]atomic.Uint64 // aligns held on 32-bit platforms
	held  uint64           // the word while this process is its owner, and 0 otherwise
	word  *uint64
	id    uint64 // what an owner adds to the word
	core  *segment.Segment
	fence bool // wakers run a fence of their own
	queue wait.Queue
}

const (
	// Died is the bit of the word that a death inside sets.
	Died      = 1 << 63
	outside   = 1 << 62
	ownerMask = outside - 1

	queueOffset = 8 // the Queue's words
	// Size is how many bytes of shared memory a Lock takes.
	Size = queueOffset + 16
)

// Init makes this process's side of the lock at the start of mem.
func (l *Lock) Init(core *segment.Segment, mem []byte) {
	l.word = layout.At[uint64](mem, 0)
	l.queue.Init(layout.At[wait.Words](mem, queueOffset), core, false)
	l.core = core
	l.id = uint64(core.ID())
	l.fence = core.WakerFence()
}

// Outside has each new owner be outside, until Enter. Call it right after Init.
func (l *Lock) Outside() { l.id |= outside }

// Enter takes the owner inside. Only the owner may call it.
func (l *Lock) Enter() {
	w := l.Held() &^ outside
	arch.StoreRelease64(&l.held, w)
	arch.StoreRelease64(l.word, w)
}

// Leave takes the owner outside again, for what it has to do before it unlocks.
func (l *Lock) Leave() {
	w := l.Held() | outside
	arch.StoreRelease64(&l.held, w)
	arch.StoreRelease64(l.word, w)
}

// Word returns the word.
func (l *Lock) Word() *uint64 { return l.word }

// Queue returns the Queue.
func (l *Lock) Queue() *wait.Queue { return &l.queue }

// Closed reports whether the segment is closed.
func (l *Lock) Closed() bool { return l.core.Closed() }

// Held returns the word if this process is the owner, and 0 otherwise.
func (l *Lock) Held() uint64 { return atomic.LoadUint64(&l.held) }

// Inside reports whether the owner, if Held returned w, is inside.
func Inside(w uint64) bool { return w != 0 && w&outside == 0 }

// Owned reports whether the word names an owner.
func Owned(w uint64) bool { return w&ownerMask != 0 }

// TryLock takes the lock if it is free, and nobody is to have it before.
func (l *Lock) TryLock() bool { return l.take(false) }

// take takes the lock if it is free, and nobody is to have it before the caller,
// which may itself be the first.
func (l *Lock) take(first bool) bool {
	w := atomic.LoadUint64(l.word)
	if w&ownerMask != 0 || !first && l.queue.Barred() || !atomic.CompareAndSwapUint64(l.word, w, w|l.id) {
		return false
	}
	arch.StoreRelease64(&l.held, w|l.id)
	return true
}

// TryFree takes the lock if it is in the state that it is nearly always in. It reports
// false where the segment is closed, too: callers then come by Await to that.
func (l *Lock) TryFree() bool {
	if l.queue.Barred() || !atomic.CompareAndSwapUint64(l.word, 0, l.id) {
		return false
	}
	arch.StoreRelease64(&l.held, l.id)
	return !l.core.Closed()
}

// Await waits for the lock. It returns nil without the lock if the segment
// is closed: callers check that after every acquisition.
func (l *Lock) Await(ctx context.Context) error {
	return l.queue.Await(ctx,
		func(first bool) bool { return l.take(first) || l.core.Closed() },
		l.freeDead)
}

// Case returns the Case of Await, with a try that calls TryLock, and the result given.
func (l *Lock) Case(try func() bool, result func() error) wait.Case {
	return wait.NewCase(l.queue.Behind(),
		func() bool { return try() || l.core.Closed() },
		l.MakeWay, result)
}

// freeDead frees the lock if its owner is dead.
func (l *Lock) freeDead() {
	w := atomic.LoadUint64(l.word)
	owner := w & ownerMask
	if owner != 0 && l.core.Dead(liveness.ID(owner)) {
		free := uint64(Died)
		if w&outside != 0 {
			free = w & Died
		}
		if atomic.CompareAndSwapUint64(l.word, w, free) {
			l.queue.Tally().Repaired()
			l.Wake()
		}
	}
}

// MakeWay makes what the dead have left of the lock no obstacle to a TryLock.
func (l *Lock) MakeWay() {
	l.queue.DropStale()
	l.freeDead()
}

// Unlock gives the lock up and reports whether it was held by this process.
func (l *Lock) Unlock() bool {
	w := l.Held()
	if w == 0 {
		return false
	}
	if !l.GiveUp(w) {
		l.Wake()
	}
	return true
}

// GiveUp gives the lock up, whose word is w. It reports whether that is all: there is
// nobody to wake. The caller uses what keeps the segment mapped after that, as by a Wake.
func (l *Lock) GiveUp(w uint64) bool {
	arch.StoreRelease64(&l.held, 0)
	arch.StoreRelease64(l.word, w&Died)
	return !l.fence && !l.queue.Waiting()
}

// Wake wakes one who waits, after a change of the word.
func (l *Lock) Wake() {
	if l.fence {
		arch.Fence()
	}
	if l.queue.Waiting() {
		l.queue.Wake(1)
	}
}

// OwnerDied reports whether an owner died inside. Only the holder may ask.
func (l *Lock) OwnerDied() bool { return l.Held()&Died != 0 }

// MarkConsistent clears Died and reports whether this process holds the lock.
func (l *Lock) MarkConsistent() bool {
	w := l.Held()
	if w&Died == 0 {
		return w != 0
	}
	if atomic.CompareAndSwapUint64(&l.held, w, w&^Died) {
		return atomic.CompareAndSwapUint64(l.word, w, w&^Died)
	}
	return l.Held() == w&^Died // another goroutine has declared it
}
