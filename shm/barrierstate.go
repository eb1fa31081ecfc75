package shm

import (
	"context"
	"runtime"
	"sync/atomic"

	"github.com/isthmus-go/isthmus/internal/arch"
	"github.com/isthmus-go/isthmus/internal/layout"
	"github.com/isthmus-go/isthmus/internal/ledger"
	"github.com/isthmus-go/isthmus/internal/ownerlock"
	"github.com/isthmus-go/isthmus/internal/segment"
	"github.com/isthmus-go/isthmus/internal/wait"
)

// barrierState is the memory of a Barrier.
//
//	0    lock     of those who arrive, or look for the dead (internal/ownerlock)
//	24   waiters  word of the wait.Event that those who Wait sleep on
//	32   word     bit 0 broken; bits 1-63 phase: how many are over
//	40   begun    the phase that the last Reset has begun, 0 if there was none
//	128  lines    of the processes (barrierParties)
//
// States of the word:
//
//	filling p  --the last party comes, or the death of one is found-->        filling p+1
//	filling p  --cancelled, Abort, Reset, or the death of a party is found--> broken p
//	broken p   --Reset-->                                                     filling p+1
//
// Phases do not go round: 2^63 of them take 3,000 years, of 10 ns each.
//
// Invariants
//
//  1. Only the owner of the lock changes a line, ends a phase, or leaves broken. Anybody may
//     break a phase, without the lock: who is cancelled has not to wait for a paused owner.
//  2. Each change of the word is one compare-and-swap from what was found, but that of Reset:
//     nobody else changes a word that is broken. So each phase ends once, and the one whose
//     compare-and-swap that was is the leader, whatever happens to later phases.
//  3. Before the word leaves broken, begun is the next phase. So who waits for the end of a
//     phase finds out how it has ended, however late: it was broken if the word says so, or,
//     once the word has another phase, if begun is a later one. (So it may then be if a later
//     phase was broken and reset.)
//  4. A phase ends when as many have come as have to: barrierParties. Before it does, what
//     came in the phase before is forgotten, since it would count in the next.
//  5. A death leaves what a death before or after a change would have left, and nothing is
//     undone. If all have come and nobody has ended the phase, those who wait do so, or the
//     next one who arrives: no death breaks it any more. A dead owner in Reset leaves a
//     broken barrier, for another Reset.
//  6. A paused party is not dead: the others wait. A paused owner of the lock keeps out who
//     arrives, until their contexts end; with GoOn, a phase does not go on without a dead
//     party meanwhile. To break it takes no lock. While nobody ends or breaks it, what has
//     come in it only grows, so that all have come can be seen without the lock.
//
// Memory orderings. The lock orders the lines; the release store of one pairs with the load
// in survey, which loads the line's owner after it. The compare-and-swap of the word pairs
// with the load of who waits; it is the full fence before the load of the waiters' word, too.
// The release store of begun comes before that of the word, and pairs with the load in broke,
// which comes after that of the word.
//
// Model: models/barrier.pml.
type barrierState struct {
	lock    ownerlock.Lock
	waiters wait.Event
	word    *uint64
	begun   *uint64
	lines   barrierParties
}

const (
	barrierWaiters = ownerlock.Size
	barrierWord    = 32
	barrierBegun   = 40
	barrierLines   = arch.CacheLine

	barrierBroken = 1 // bit of the word
)

func barrierSize(procs int) uint64 { return barrierLines + ledger.Size(procs) }

// init makes this process's side of the barrier in mem.
func (b *barrierState) init(core *segment.Segment, mem []byte, parties int, goOn bool) {
	b.lock.Init(core, mem)
	b.waiters = wait.NewEvent(layout.At[uint32](mem, barrierWaiters), core)
	b.word = layout.At[uint64](mem, barrierWord)
	b.begun = layout.At[uint64](mem, barrierBegun)
	b.lines = barrierParties{core: core, ledger: ledger.New(core, mem[barrierLines:]), parties: uint64(parties), goOn: goOn}
}

func (b *barrierState) load() uint64 { return atomic.LoadUint64(b.word) }

// filling is the word of a phase that is not over.
func filling(phase uint64) uint64 { return phase << 1 }

func phaseOf(w uint64) uint64 { return w >> 1 }
func broken(w uint64) bool    { return w&barrierBroken != 0 }

// broke reports whether a phase that is over was broken (Invariant 3).
func (b *barrierState) broke(phase uint64) bool {
	return b.load() == filling(phase)|barrierBroken || atomic.LoadUint64(b.begun) > phase
}

// begin takes the lock. It fails if ctx ends, or if the segment is closed.
func (b *barrierState) begin(ctx context.Context) error {
	if !b.lock.TryFree() {
		if err := b.lock.Await(ctx); err != nil {
			return err
		}
	}
	if b.lock.Closed() {
		return ErrSegmentClosed
	}
	b.lock.MarkConsistent() // Invariant 5
	return nil
}

// finish gives the lock up, and wakes those who wait if the word is not what it was.
func (b *barrierState) finish(was uint64) {
	b.lock.Unlock()
	if b.load() != was {
		b.wake()
	}
}

func (b *barrierState) wake() {
	if b.waiters.Waiting() {
		b.waiters.Notify(wait.Everybody)
	}
}

// arrive has one more of this process come, and returns in which phase, and whether that
// ended it. Nobody comes if the phase is broken.
func (b *barrierState) arrive(ctx context.Context) (phase uint64, leader bool, err error) {
	if err := b.begin(ctx); err != nil {
		return 0, false, err
	}
	was := b.load()
	b.end() // whoever was to do so has died
	if !broken(b.load()) && !b.lines.known() {
		b.look()
		if !broken(b.load()) {
			b.lines.enter()
		}
	}
	w := b.load()
	phase = phaseOf(w)
	if !broken(w) {
		b.lines.come(phase)
		leader = b.end()
	}
	b.finish(was)
	return phase, leader, nil
}

// end ends the phase if all have come, and reports whether it did.
func (b *barrierState) end() bool {
	w := b.load()
	phase := phaseOf(w)
	if !b.lines.complete(phase) || broken(w) {
		return false
	}
	b.lines.forget(phase)
	return atomic.CompareAndSwapUint64(b.word, w, filling(phase+1))
}

// look breaks the phase if a party has died, or goes on without it. If no party is alive, it
// forgets them all.
func (b *barrierState) look() {
	switch living, dead := b.lines.survey(); {
	case !living:
		b.lines.clear()
	case dead && b.lines.goOn:
		b.lines.bury()
	case dead:
		b.breakUp(phaseOf(b.load()))
	}
}

// attend is what who waits for the end of a phase does from time to time: it ends the phase
// in place of one who has died, looks for dead parties, and reports whether it has ended it.
// If somebody else has the lock, it leaves that to them, but for a break.
func (b *barrierState) attend(phase uint64) (leader bool) {
	if !b.lock.TryLock() {
		b.lock.MakeWay()
		if !b.lock.TryLock() {
			if _, dead := b.lines.survey(); dead && !b.lines.goOn && !b.lines.complete(phase) {
				b.breakUp(phase)
			}
			return false
		}
	}
	if b.lock.Closed() {
		return false
	}
	was := b.load()
	if was == filling(phase) {
		if leader = b.end(); !leader {
			b.look()
			leader = b.end()
		}
	}
	b.finish(was)
	return leader
}

// breakUp breaks a phase, and reports whether that was this call: it may be over.
func (b *barrierState) breakUp(phase uint64) bool {
	if !atomic.CompareAndSwapUint64(b.word, filling(phase), filling(phase)|barrierBroken) {
		return false
	}
	b.wake()
	return true
}

// breakNow breaks the present phase, whichever that is by then.
func (b *barrierState) breakNow() {
	for w := b.load(); !broken(w) && !b.breakUp(phaseOf(w)); w = b.load() {
	}
	runtime.KeepAlive(b)
}

// reset breaks the phase, and begins another, in which all parties are expected.
func (b *barrierState) reset() error {
	if err := b.begin(context.Background()); err != nil {
		return err
	}
	was := b.load()
	b.breakUp(phaseOf(was))
	b.lines.reset()
	next := phaseOf(was) + 1
	arch.StoreRelease64(b.begun, next)
	atomic.StoreUint64(b.word, filling(next)) // Invariants 2, 3
	b.finish(was)
	runtime.KeepAlive(b)
	return nil
}
