package shm

import (
	"container/list"
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/isthmus-go/isthmus/internal/arch"
	"github.com/isthmus-go/isthmus/internal/layout"
	"github.com/isthmus-go/isthmus/internal/ledger"
	"github.com/isthmus-go/isthmus/internal/ownerlock"
	"github.com/isthmus-go/isthmus/internal/segment"
	"github.com/isthmus-go/isthmus/internal/wait"
)

// condState is the memory of a Cond.
//
//	0    repair  lock of those who pass on what the dead have left (internal/ownerlock)
//	24   turn    the slot where the next Signal begins to look
//	32   joins   how many calls of Wait have begun
//	40   repairs how often the repair lock was taken
//	128  used    the lines that have ever had an owner (internal/ledger)
//	256  casters the lines whose owner has ever called Broadcast (internal/ledger)
//	384  ledger  a line for each process (internal/ledger), whose count is tally, and in it
//	       16  cast   not 0 if this process is in a Broadcast: bits 42-63 are the tag
//	       24  woken  word of the wait.Event that this process sleeps on
//
// tally: bits 0-20 waiting: goroutines of this process that wait and have no signal; bits 21-41
// granted: signals that they have got, and that are not used up; bits 42-63 tag: the low bits
// of the id of the owner that has entered the line.
//
// Each transition of a tally is one compare-and-swap, but for enter, a store:
//
//	w, g      --join: Wait, before it unlocks L-->               w+1, g
//	w+n, g    --grant: Signal, Broadcast, or a signal passed on--> w, g+n
//	w, g+1    --finish: Wait, once it has L again-->              w, g
//	w+1, g    --withdraw: Wait, cancelled-->                      w, g
//	w, g      --retire: anybody, the owner is dead-->             0, g
//	0, g      --passed on: anybody, the owner is dead-->          0, 0
//	0, 0      --enter: the next owner of the slot-->              0, 0, its tag
//
// A process counts the grants that goroutines have taken and not finished (claimed), and has
// the goroutines that have taken none in a list, in the order in which they came. The one
// in front sleeps on the Event, until granted is more than claimed. The others wait for it on
// the Go side. The first granted - claimed of them have a grant each: who is cancelled takes
// it, and withdraws if it has none. So no grant goes to somebody who came after it.
//
// Invariants
//
//  1. Nobody but the owner changes waiting + granted, as long as it lives. It is the length
//     of the list and claimed, whenever the list's mutex is free.
//  2. So a signal is in granted of exactly one line until the Wait that it ends has L again.
//     Until then, the death of the process leaves it there.
//  3. Who waits looks for the dead after each Slice. It retires all of them first, so that
//     no signal goes from one of the dead to another, and then gives what is in granted to
//     others, and then takes it away there. A death between these steps, or an owner that
//     enters its line meanwhile and does the same, gives it once more. Nothing gives it never.
//     Those who look exclude each other by repair, without waiting, so that this is rare: who
//     finds the same repair, by its number, going on for a Slice does without. So each process that
//     waits gives it once more at most.
//  4. A tally with a tag that is not the owner's is of nobody who has died in a Wait: its
//     next owner has cleared it, and died before it became the owner.
//  5. A Broadcast grants all of each line once, so it ends. It notes in cast that it goes
//     on, so that others do it again if it dies: also for those who begin to wait before that.
//     A Signal that finds one going on does the same as a Broadcast: it may come to somebody
//     before the Broadcast does, for whom somebody else has begun to wait in a line that
//     the Broadcast has served. If it has given nothing so, it looks again, as in Invariant 6:
//     another Signal, after the end of the Broadcast, may have come to whom it was for. A
//     Signal that began before cast was set is as if it came before the Broadcast. Broadcasts,
//     those who do them again and such Signals all go through the lines in the order of slots: so
//     if one of these Signals wakes only such as the Broadcast has still to wake, the others for
//     whom it was have gone before the Broadcast ends, as if that had woken them: also those who
//     were cancelled meanwhile, or have died.
//  6. Signal gives up if it has seen no waiting in any line, and joins is what it was
//     before: then nobody waited when it had seen the last line. Otherwise it looks again.
//  7. Nobody waits for anybody but L, here. A process that is stopped with a signal
//     holds up that signal. While one is stopped, or dead and not found, in a Broadcast,
//     Signals wake all.
//
// Memory orderings. L orders a join with the Signals of those who have L. The
// changes of join are in the order used, tally, joins, and a Signal loads joins, casters, cast,
// used, tally, joins (Invariant 6). The compare-and-swap of a grant pairs with the load of the
// goroutine in front, and is the full fence before the load of woken. The compare-and-swap
// that sets cast is the full fence before the loads of tallies in grantAll, and pairs with the load
// of cast in a Signal, before its loads of tallies: if that finds 0, the Broadcast has still to look
// at all lines, or has ended. The compare-and-swap of a tally,
// or that ends a cast, fails if the owner of the line has changed, because of the tag. The one
// that sets a cast, and the stores of enter, rely on a Close that severs the memory.
//
// Model: models/cond.pml.
type condState struct {
	core    *segment.Segment
	repair  ownerlock.Lock
	turn    *uint64
	joins   *uint64
	repairs *uint64
	used    ledger.Used
	casters ledger.Used
	lines   ledger.Ledger
	casts   []*uint64
	woken   []*uint32

	tally *uint64 // of this process's line
	tag   uint64
	event wait.Event

	casting sync.Mutex // one Broadcast of this process at a time

	mu      sync.Mutex // of what follows
	entered bool
	list    list.List // of chan struct{}, closed for the one in front
	claimed uint64

	repairer uint64 // number of the repair that the last look found going on, of those that did
	since    time.Time
}

const (
	condTurn    = ownerlock.Size
	condJoins   = condTurn + 8
	condRepairs = condJoins + 8
	condUsed    = arch.CacheLine
	condCasters = 2 * arch.CacheLine
	condLedger  = 3 * arch.CacheLine
	lineCast    = 16
	lineWoken   = 24

	tallyBits    = 21
	tallyMask    = 1<<tallyBits - 1
	waitingOne   = 1
	grantedShift = tallyBits
	grantedOne   = 1 << grantedShift
	tagShift     = 2 * tallyBits
)

const (
	_ uint = condUsed - (condRepairs + 8)
	_ uint = condCasters - (condUsed + ledger.UsedSize)
	_ uint = condLedger - (condCasters + ledger.UsedSize)
)

func condSize(procs int) uint64 { return condLedger + ledger.Size(procs) }

// init makes this process's side of the Cond in mem.
func (s *condState) init(core *segment.Segment, mem []byte) {
	s.core = core
	s.repair.Init(core, mem)
	s.turn = layout.At[uint64](mem, condTurn)
	s.joins = layout.At[uint64](mem, condJoins)
	s.repairs = layout.At[uint64](mem, condRepairs)
	s.used = ledger.NewUsed(mem[condUsed:], core.MaxProcs())
	s.casters = ledger.NewUsed(mem[condCasters:], core.MaxProcs())
	s.lines = ledger.New(core, mem[condLedger:])
	for slot := range core.MaxProcs() {
		line := condLedger + ledger.Size(slot)
		s.casts = append(s.casts, layout.At[uint64](mem, line+lineCast))
		s.woken = append(s.woken, layout.At[uint32](mem, line+lineWoken))
	}
	s.tally = s.lines.Mine()
	s.tag = tagOf(uint64(core.ID()) << tagShift)
	s.event = wait.NewEvent(s.woken[core.Slot()], core)
	s.event.Keen() // one who is long dead may get a signal
}

func waitingIn(tally uint64) uint64 { return tally & tallyMask }
func grantedIn(tally uint64) uint64 { return tally >> grantedShift & tallyMask }

// tagOf returns the tag of a tally or a cast.
func tagOf(w uint64) uint64 { return w >> tagShift }

// join has one more goroutine of this process wait, whose place in the list it returns. The
// caller has L.
func (s *condState) join() *list.Element {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.enter()
	place := s.list.PushBack(make(chan struct{}))
	s.callFront(s.list.Len() == 1)
	for {
		t := atomic.LoadUint64(s.tally)
		if tagOf(t) != s.tag && s.core.Closed() { // it may be another's by now
			return place
		}
		if atomic.CompareAndSwapUint64(s.tally, t, t+waitingOne) {
			break
		}
	}
	atomic.AddUint64(s.joins, 1)
	return place
}

// callFront tells the goroutine in front that it is, if it was not before.
func (s *condState) callFront(changed bool) {
	if front := s.list.Front(); changed && front != nil {
		close(front.Value.(chan struct{}))
	}
}

// await waits until a goroutine has a grant, in its turn, or the segment is closed.
func (s *condState) await(ctx context.Context, place *list.Element) error {
	select {
	case <-place.Value.(chan struct{}):
		return s.event.Await(ctx, s.ready, s.look)
	case <-ctx.Done():
		return ctx.Err()
	}
}

// ready reports whether the goroutine in front has a grant, or the segment is closed.
func (s *condState) ready() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return grantedIn(atomic.LoadUint64(s.tally)) > s.claimed || s.core.Closed()
}

// leave takes a goroutine out of the list, with its grant, if it has one, which it reports.
func (s *condState) leave(place *list.Element) (signalled bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		t := atomic.LoadUint64(s.tally)
		if signalled = s.isGranted(place, t); signalled {
			s.claimed++
			break
		}
		if waitingIn(t) == 0 || tagOf(t) != s.tag || // closed, or spoilt
			atomic.CompareAndSwapUint64(s.tally, t, t-waitingOne) {
			break
		}
	}
	first := s.list.Front() == place
	s.list.Remove(place)
	s.callFront(first)
	return signalled
}

// isGranted reports whether a goroutine is one of those in front that have a grant each.
func (s *condState) isGranted(place *list.Element, tally uint64) bool {
	at := s.list.Front()
	if n := grantedIn(tally); n > s.claimed && n-s.claimed >= uint64(s.list.Len()) {
		return true // as all are: there may be many
	}
	for n := grantedIn(tally); n > s.claimed && at != nil; n-- {
		if at == place {
			return true
		}
		at = at.Next()
	}
	return false
}

// finish uses up a grant that a goroutine has taken. The caller has L.
func (s *condState) finish() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.claimed--
	for {
		t := atomic.LoadUint64(s.tally)
		if grantedIn(t) == 0 || tagOf(t) != s.tag || atomic.CompareAndSwapUint64(s.tally, t, t-grantedOne) {
			return
		}
	}
}
