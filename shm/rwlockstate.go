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

// rwState is the shared memory of an RWLock: the lock that keeps writers apart, and a
// ledger (internal/ledger) whose lines say how many readers each process has.
//
//	0    lock:    the writers' (internal/ownerlock), and its word
//	24   phase:   how many writers have come and gone
//	32   emptied: word of the Event of the writer that waits for readers
//	36   opened:  word of the Event of the readers that wait for a writer
//	128  used:    the lines that have ever had an owner (internal/ledger)
//	256  ledger
//
// A line's count is three numbers. Each change of them is one addition:
//
//	bits 42-63 reading: readers that hold the lock, or are about to look whether they do
//	bits 21-41 queued:  readers that wait for the end of an odd phase
//	bits 0-20  queued:  readers that wait for the end of an even phase
//
// A writer takes the writers' lock, outside (see there). Phase p has begun, and p is what
// the word of the phase says. Then the writer looks at all lines, until it has seen in
// each, once, that nobody reads, and nobody is queued for the phase before. Then it goes
// inside. Unlock goes outside, ends the phase, by phase+1, and gives up the writers' lock. A
// writer that is cancelled gives up the writers' lock only: the next one is of the same phase.
//
// A reader adds itself to reading, and looks at the phase p and at the writers' word. If
// that names no owner, the reader holds the lock. If it does, the reader goes from reading
// to the queue of p in one step, and waits until the phase is another, or there is no
// owner. Then it goes back to reading, and looks again. If the phase is another, the reader
// holds the lock, whoever owns the writers' lock. Otherwise it looks at the writers' word
// again, and queues for the same phase if there is an owner.
//
// Invariants
//
//  1. While a writer is inside, no reader of a live process holds the lock. A reader either
//     is in reading before the writer looks at its line, or sees the writer's word
//     (store-load on both sides). In the first case the writer waits until it has left, or
//     has queued for p. Who queues for p returns to reading, but does not hold the lock
//     before it has seen the end of p, or no owner.
//  2. The phase ends only in the hands of a writer that was inside. While the phase is p
//     or p+1, a reader that has queued for p is in its line. It holds up the writer of p+1,
//     as it is queued for the phase before; so the phase does not get to p+2. Two queues
//     are enough.
//  3. So a reader waits for one writer, which comes before it, and writers wait for those
//     readers only that were there before them. The reader looks at the phase once, and
//     before it looks at the word: if that phase has ended by then, the next writer waits
//     for it.
//  4. What a line says counts for nothing once its owner is dead: a writer that finds that
//     notes it down, and passes over the line. It loads the owner after the count. If that
//     is still the dead one, the count is the dead one's too.
//  5. A writer that dies leaves its word, and the phase as it is. Whoever waits frees the
//     word. The word then says that the writer died inside, or nothing if it was outside,
//     still or again. A writer is outside before its phase ends, so that no death is
//     reported once a reader has seen what that writer has done.
//  6. A death between a change and its wake, of a reader or a writer, leaves sleepers, who
//     wake by their bound.
//
// Readers that wait for the same phase take turns to sleep on the Go side. Those of two
// phases do not queue behind each other: the writer may wait for one, and the other for the
// writer.
//
// Who has a line has set its bit of used before, by a read-modify-write. So if a writer does
// not see the bit, this reader sees the writer's word, as with the count.
//
// Memory orderings. The readers' additions and the compare-and-swap that takes the writers'
// lock are the fences of Invariant 1, together with Go's atomic loads: of the word and the
// phase there, of the counts here. A plain store and a barrier on the writer's side would not
// do for readers: goroutines of one process add to the same count. The addition of
// RUnlock pairs with the writer's load of the count, and with its wake by emptied. The
// stores of Unlock, of the phase and of the word, are release stores, and pair with the
// loads of the readers; the phase comes before the word. The fence before opened is looked
// at is that of the writers' Queue (internal/ownerlock).
//
// Model: models/rwlock.pml.
type rwState struct {
	core    *segment.Segment
	word    *uint64 // of lock
	mine    *uint64 // the count of this process's line
	phase   *uint64
	used    ledger.Used
	lock    ownerlock.Lock
	emptied wait.Event
	opened  [2]wait.Event // of odd and of even phases, with one word
	lines   ledger.Ledger
	gone    []uint64 // by slot: an owner of its line that is known to be dead
	tally   *wait.Tally
}

const (
	rwPhaseOffset   = ownerlock.Size
	rwEmptiedOffset = rwPhaseOffset + 8
	rwOpenedOffset  = rwEmptiedOffset + 4
	rwUsedOffset    = arch.CacheLine
	rwLinesOffset   = 2 * arch.CacheLine

	queueBits    = 21
	queueMask    = 1<<queueBits - 1
	readingShift = 2 * queueBits
	reading      = 1 << readingShift // one reader that reads
	notReading   = 1<<64 - reading
)

const (
	_ uint = rwUsedOffset - (rwOpenedOffset + 4)
	_ uint = rwLinesOffset - (rwUsedOffset + ledger.UsedSize)
)

// rwSize is how many bytes an RWLock takes.
func rwSize(procs int) uint64 { return rwLinesOffset + ledger.Size(procs) }

// init makes this process's side of the lock in mem. What its line says is of an earlier
// owner of the slot.
func (s *rwState) init(core *segment.Segment, mem []byte) {
	s.core = core
	s.lock.Init(core, mem)
	s.lock.Outside()
	s.word = s.lock.Word()
	s.phase = layout.At[uint64](mem, rwPhaseOffset)
	s.emptied = wait.NewEvent(layout.At[uint32](mem, rwEmptiedOffset), core)
	s.opened[0] = wait.NewEvent(layout.At[uint32](mem, rwOpenedOffset), core)
	s.tally = new(wait.Tally)
	s.lock.Queue().CountIn(s.tally)
	s.emptied.CountIn(s.tally)
	s.opened[0].CountIn(s.tally)
	s.opened[1] = *s.opened[0].Another()
	s.lines = ledger.New(core, mem[rwLinesOffset:])
	s.gone = make([]uint64, s.lines.Len())
	s.mine = s.lines.Mine()
	s.used = ledger.NewUsed(mem[rwUsedOffset:], core.MaxProcs())
	s.used.Set(core.Slot())
	s.lines.Enter()
}

// queued is one reader that is queued for a phase.
func queued(phase uint64) uint64 { return 1 << (phase % 2 * queueBits) }

// holdsUp reports whether a line's count holds up the writer of a phase.
func holdsUp(count, phase uint64) bool {
	return count>>readingShift != 0 || count&(queueMask*queued(phase+1)) != 0
}

// add changes the count of this process's line, and wakes the writer if it may be the
// last one that it waits for who has left.
func (s *rwState) add(delta uint64) { s.left(atomic.AddUint64(s.mine, delta)) }

// left wakes the writer that waits, if nobody reads any more by the new count of this
// process's line.
func (s *rwState) left(count uint64) {
	if count>>readingShift == 0 && s.emptied.Waiting() {
		s.emptied.Notify(1)
	}
}

// admit is the rest of a read lock: the reader reads, as its line says, and may have to
// wait for a writer. It returns the writers' word as it was when the reader got the lock.
// If the segment is closed it returns nil without the lock.
func (s *rwState) admit(ctx context.Context) (word uint64, err error) {
	phase := atomic.LoadUint64(s.phase) // before the word: Invariant 3
	ended := func() bool { return atomic.LoadUint64(s.phase) != phase }
	for {
		w := atomic.LoadUint64(s.word)
		if !ownerlock.Owned(w) || s.core.Closed() {
			return w, nil
		}
		s.add(queued(phase) + notReading)
		over := func() bool {
			return ended() || !ownerlock.Owned(atomic.LoadUint64(s.word)) || s.core.Closed()
		}
		if err := s.opened[phase%2].Await(ctx, over, s.lock.MakeWay); err != nil {
			s.add(-queued(phase))
			return 0, err
		}
		atomic.AddUint64(s.mine, reading-queued(phase))
		if ended() {
			return atomic.LoadUint64(s.word), nil
		}
	}
}

// tryRead makes one attempt to lock for reading.
func (s *rwState) tryRead() bool {
	if ownerlock.Owned(atomic.LoadUint64(s.word)) {
		return false
	}
	atomic.AddUint64(s.mine, reading)
	if !ownerlock.Owned(atomic.LoadUint64(s.word)) {
		return true
	}
	s.add(notReading)
	return false
}

// write locks for writing. If the segment is closed it returns nil without the lock.
func (s *rwState) write(ctx context.Context) error {
	if !s.lock.TryFree() {
		if err := s.lock.Await(ctx); err != nil || s.core.Closed() {
			return err
		}
	}
	if !s.vacant() {
		if err := s.drain(ctx); err != nil || s.core.Closed() {
			return err
		}
	}
	s.lock.Enter()
	return nil
}

// drain waits for the readers that came before this writer.
func (s *rwState) drain(ctx context.Context) error {
	phase := atomic.LoadUint64(s.phase)
	slot := s.used.Next(0)
	vacant := func() bool {
		for slot < s.lines.Len() && !s.occupied(slot, phase) {
			slot = s.used.Next(slot + 1)
		}
		return slot == s.lines.Len() || s.core.Closed()
	}
	err := s.emptied.Await(ctx, vacant, s.bury)
	if err != nil {
		s.giveUp(s.lock.Held())
	}
	return err
}

// tryWrite makes one attempt to lock for writing. It keeps no readers out if there are
// others already.
func (s *rwState) tryWrite() bool {
	if !s.vacant() || !s.lock.TryLock() {
		return false
	}
	if s.vacant() {
		s.lock.Enter()
		return true
	}
	s.giveUp(s.lock.Held())
	return false
}

// vacant reports whether no reader holds up a writer of this phase.
func (s *rwState) vacant() bool {
	phase := atomic.LoadUint64(s.phase)
	for slot := s.used.Next(0); slot < s.lines.Len(); slot = s.used.Next(slot + 1) {
		if s.occupied(slot, phase) {
			return false
		}
	}
	return true
}

// occupied reports whether readers of the process in a slot hold up the writer of a phase.
func (s *rwState) occupied(slot int, phase uint64) bool {
	return holdsUp(atomic.LoadUint64(s.lines.Count(slot)), phase) &&
		uint64(s.lines.Owner(slot)) != atomic.LoadUint64(&s.gone[slot]) // after the count: Invariant 4
}

// makeWay makes what the dead have left no obstacle to a TryLock.
func (s *rwState) makeWay() {
	s.lock.MakeWay()
	s.bury()
}

// bury notes down which lines are of the dead.
func (s *rwState) bury() {
	for slot := s.used.Next(0); slot < s.lines.Len(); slot = s.used.Next(slot + 1) {
		if owner := s.lines.Owner(slot); atomic.LoadUint64(s.lines.Count(slot)) != 0 && s.core.DeadIn(slot, owner) {
			if atomic.SwapUint64(&s.gone[slot], uint64(owner)) != uint64(owner) {
				s.tally.Repaired()
			}
		}
	}
}

// leave takes the writer that is inside outside, and ends its phase.
func (s *rwState) leave() {
	s.lock.Leave()
	arch.StoreRelease64(s.phase, atomic.LoadUint64(s.phase)+1)
}

// giveUp gives up the writers' lock, whose word is w, and wakes those who wait.
func (s *rwState) giveUp(w uint64) {
	if !s.lock.GiveUp(w) {
		s.lock.Wake()
	}
	if s.opened[0].Waiting() {
		s.opened[0].Notify(wait.Everybody)
	}
}
