package shm

import (
	"context"
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
//	32   word     bits 0-31 phase: how many have ended; bits 32-63 broke: 1 more than the
//	              last phase that was broken, 0 if none was
//	128  ledger   a line for each process: bits 0-9 arrived: how many of it have, in the
//	              phase of bits 32-63; bits 10-19 places: how many parties it is; bits 20-29
//	              gone: the places of those who have died, of its slot
//
// States of the word:
//
//	filling  p, b    b is not p+1
//	broken   p, p+1
//
//	filling  p, b    --the last party arrives, or the death of one is found-->  filling p+1, b
//	filling  p, b    --cancelled, Abort, or the death of a party is found-->    broken p, p+1
//	broken   p, p+1  --Reset-->                                                 filling p+1, p+1
//
// So who waits for the end of phase p finds out how it has ended, however late: it was
// broken if b is more than p.
//
// The lines, under the lock, each step one store:
//
//	arrive  arrived up, or 1 if the phase is another; places is arrived if that is more
//	enter   a line of an earlier owner of the slot becomes this process's, gone stays
//	bury    with GoOn: of a dead owner, places are added to gone; arrived and places are 0
//	clear   nobody who is alive has a place, or Reset: all lines are 0
//
// Invariants
//
//  1. Only the owner of the lock changes a line, ends a phase, or leaves broken. Anybody may
//     break a phase, without the lock: who is cancelled has not to wait for a paused owner.
//  2. Each change of the word is one compare-and-swap from what was found, but that of Reset:
//     nobody else changes a word that is broken. So each phase ends once, and the one whose
//     compare-and-swap that was is the leader.
//  3. A phase ends when parties have arrived; with GoOn, as soon as those have arrived who
//     are alive, or have not come yet: max(places, parties-gone), or parties if that is
//     less. All three numbers are sums over the lines.
//  4. A death leaves what a death before or after a change would have left, and nothing is
//     undone. If all have arrived and nobody has ended the phase, those who wait do so. A
//     dead owner in a clear leaves lines that the next one clears, in Reset a broken barrier.
//  5. Before the first place of a process is taken, the dead are looked for, so that no line
//     of a dead owner is entered with places. If nobody alive has one, the dead are no
//     parties of those to come.
//  6. A paused party is not dead: the others wait. A paused owner of the lock keeps out who
//     arrives, until their contexts end.
//
// Memory orderings. The lock orders the lines. The compare-and-swap of the word pairs with
// the load of who waits; it is the full fence before the load of the waiters' word, too.
//
// Model: models/barrier.pml.
type barrierState struct {
	core    *segment.Segment
	lock    ownerlock.Lock
	waiters wait.Event
	word    *uint64
	ledger  ledger.Ledger
	parties uint64
	goOn    bool
}

const (
	barrierWaiters = ownerlock.Size
	barrierWord    = 32
	barrierLedger  = arch.CacheLine

	// The word.
	brokeShift = 32

	// A line.
	lineBits    = 10
	lineMask    = 1<<lineBits - 1
	placesShift = lineBits
	goneShift   = 2 * lineBits
	phaseShift  = 32

	maxParties = lineMask
)

func barrierSize(procs int) uint64 { return barrierLedger + ledger.Size(procs) }

// init makes this process's side of the barrier in mem.
func (b *barrierState) init(core *segment.Segment, mem []byte, parties int, goOn bool) {
	b.core = core
	b.lock.Init(core, mem)
	b.waiters = wait.NewEvent(layout.At[uint32](mem, barrierWaiters), core)
	b.word = layout.At[uint64](mem, barrierWord)
	b.ledger = ledger.New(core, mem[barrierLedger:])
	b.parties, b.goOn = uint64(parties), goOn
}

func (b *barrierState) load() uint64 { return atomic.LoadUint64(b.word) }

func makeBarrier(phase, broke uint32) uint64 { return uint64(broke)<<brokeShift | uint64(phase) }

func phaseOf(w uint64) uint32 { return uint32(w) }
func brokeOf(w uint64) uint32 { return uint32(w >> brokeShift) }

// broken reports whether the present phase is broken.
func broken(w uint64) bool { return brokeSince(w, phaseOf(w)) }

// brokeSince reports whether a phase, or one after it, was broken.
func brokeSince(w uint64, phase uint32) bool { return int32(brokeOf(w)-phase) > 0 }

// over reports whether a phase has ended, or is broken.
func over(w uint64, phase uint32) bool { return phaseOf(w) != phase || broken(w) }

// following returns the word after the end of its phase. A break that is long past stays so
// when the phases go round.
func following(w uint64) uint64 {
	const long = 1 << 30
	phase, broke := phaseOf(w)+1, brokeOf(w)
	if int32(phase-broke) > long {
		broke = phase - long
	}
	return makeBarrier(phase, broke)
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
	b.lock.MarkConsistent() // Invariant 4
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

// arrive has one more of this process arrive, and returns in which phase, and whether that
// ended it. It does nothing if the phase is broken.
func (b *barrierState) arrive(ctx context.Context) (phase uint32, leader bool, err error) {
	if err := b.begin(ctx); err != nil {
		return 0, false, err
	}
	was := b.load()
	b.end() // whoever was to do so has died
	if !broken(b.load()) {
		b.enter()
	}
	w := b.load()
	phase = phaseOf(w)
	if !broken(w) {
		mine := b.ledger.Mine()
		line := atomic.LoadUint64(mine)
		arrived := min(arrivedIn(line, phase)+1, maxParties)
		arch.StoreRelease64(mine, uint64(phase)<<phaseShift|
			line&(lineMask<<goneShift)|max(placesOf(line), arrived)<<placesShift|arrived)
		leader = b.end()
	}
	b.finish(was)
	return phase, leader, nil
}

func placesOf(line uint64) uint64 { return line >> placesShift & lineMask }
func goneOf(line uint64) uint64   { return line >> goneShift & lineMask }

func arrivedIn(line uint64, phase uint32) uint64 {
	if uint32(line>>phaseShift) != phase {
		return 0
	}
	return line & lineMask
}

// enter makes the line of this process its own, before its first place there.
func (b *barrierState) enter() {
	entered := b.ledger.Owner(b.core.Slot()) == b.core.ID()
	if entered && placesOf(atomic.LoadUint64(b.ledger.Mine())) > 0 {
		return
	}
	b.look()
	if !entered && !broken(b.load()) {
		b.ledger.Inherit()
	}
}

// arrived returns how many have arrived in the phase of w, and how many have to.
func (b *barrierState) arrived(w uint64) (arrived, want uint64) {
	var places, gone uint64
	for slot := range b.ledger.Len() {
		line := atomic.LoadUint64(b.ledger.Count(slot))
		arrived += arrivedIn(line, phaseOf(w))
		places += placesOf(line)
		gone += goneOf(line)
	}
	want = b.parties
	if b.goOn {
		want = min(want, max(places, want-min(gone, want), 1))
	}
	return arrived, want
}

// end ends the phase if all have arrived, and reports whether it did.
func (b *barrierState) end() bool {
	w := b.load()
	arrived, want := b.arrived(w)
	if arrived < want || broken(w) {
		return false
	}
	next := following(w)
	if phaseOf(next)%age == 0 {
		b.forget(phaseOf(w))
	}
	return atomic.CompareAndSwapUint64(b.word, w, next)
}

// age is how many phases, or twice as many, an arrival is kept that no longer counts: it
// must not count again when the phases have gone round.
const age = 1 << 30

// forget removes the arrivals of other phases.
func (b *barrierState) forget(phase uint32) {
	for slot := range b.ledger.Len() {
		count := b.ledger.Count(slot)
		if line := atomic.LoadUint64(count); arrivedIn(line, phase) == 0 {
			arch.StoreRelease64(count, line&^lineMask)
		}
	}
}

// look breaks the phase if a party has died, or buries it.
func (b *barrierState) look() {
	living, dead := false, false
	for slot := range b.ledger.Len() {
		count := b.ledger.Count(slot)
		line := atomic.LoadUint64(count)
		switch {
		case placesOf(line) == 0:
		case !b.core.DeadIn(slot, b.ledger.Owner(slot)):
			living = true
		default:
			dead = true
			if b.goOn {
				gone := min(goneOf(line)+placesOf(line), maxParties)
				arch.StoreRelease64(count, gone<<goneShift)
			}
		}
	}
	switch {
	case !living:
		b.clear()
	case dead && !b.goOn:
		b.breakUp(phaseOf(b.load()))
	}
}

// notice breaks the phase that the caller waits for if a party has died, without the lock,
// whose owner may be paused. As long as the phase goes on, and somebody alive waits, a line
// with places keeps them, and its owner.
func (b *barrierState) notice(phase uint32) {
	for slot := range b.ledger.Len() {
		if !b.goOn && placesOf(atomic.LoadUint64(b.ledger.Count(slot))) > 0 && b.core.DeadIn(slot, b.ledger.Owner(slot)) {
			b.breakUp(phase)
		}
	}
}

// clear forgets all parties.
func (b *barrierState) clear() {
	for slot := range b.ledger.Len() {
		arch.StoreRelease64(b.ledger.Count(slot), 0)
	}
}

// attend is what who waits for the end of a phase does from time to time: it ends the phase
// in place of one who has died, looks for dead parties, and reports whether it has ended it.
// If somebody else has the lock, it leaves that to them, or to the next time.
func (b *barrierState) attend(phase uint32) (leader bool) {
	if !b.lock.TryLock() {
		b.lock.MakeWay()
		if !b.lock.TryLock() {
			b.notice(phase)
			return false
		}
	}
	if b.lock.Closed() {
		return false
	}
	was := b.load()
	if !over(was, phase) {
		if leader = b.end(); !leader {
			b.look()
			leader = b.end()
		}
	}
	b.finish(was)
	return leader
}

// breakUp breaks a phase, and reports whether that was this call: it may have ended, or be
// broken.
func (b *barrierState) breakUp(phase uint32) bool {
	for {
		w := b.load()
		if phaseOf(w) != phase || broken(w) {
			return false
		}
		if atomic.CompareAndSwapUint64(b.word, w, makeBarrier(phase, phase+1)) {
			b.wake()
			return true
		}
	}
}

// breakNow breaks the present phase, whichever that is by then.
func (b *barrierState) breakNow() {
	for w := b.load(); !broken(w) && !b.breakUp(phaseOf(w)); w = b.load() {
	}
}

// reset breaks the phase, and begins another, in which all parties are expected.
func (b *barrierState) reset() error {
	if err := b.begin(context.Background()); err != nil {
		return err
	}
	was := b.load()
	b.breakUp(phaseOf(was))
	for slot := range b.ledger.Len() { // the living stay parties
		count := b.ledger.Count(slot)
		line := atomic.LoadUint64(count) & (lineMask << placesShift)
		if line != 0 && b.core.DeadIn(slot, b.ledger.Owner(slot)) {
			line = 0
		}
		arch.StoreRelease64(count, line)
	}
	next := phaseOf(b.load()) + 1
	atomic.StoreUint64(b.word, makeBarrier(next, next)) // Invariant 2
	b.finish(was)
	return nil
}
