package shm

import (
	"context"
	"fmt"
	"math"
	"sync/atomic"

	"github.com/isthmus-go/isthmus/internal/arch"
	"github.com/isthmus-go/isthmus/internal/layout"
	"github.com/isthmus-go/isthmus/internal/ledger"
	"github.com/isthmus-go/isthmus/internal/ownerlock"
	"github.com/isthmus-go/isthmus/internal/segment"
	"github.com/isthmus-go/isthmus/internal/wait"
)

// counts is the memory of a WaitGroup.
//
//	0    lock     of those who change the rest (internal/ownerlock)
//	24   waiters  word of the wait.Event that those who Wait sleep on
//	32   total    all counts, those of the dead as well
//	40   empties  how often total became 0
//	48   back     how many counts of the dead have come back, and were not taken off since
//	128  ledger   a line for each process: bits 0-31 are what it has added, and others may
//	              take over; bits 32-63 are what is only its own (taken)
//
// A count of the dead is one in total and in no line of the living.
//
// States. Still: nobody has the lock, or it is of a dead owner. Changing: the owner of the
// lock does one of these, each step one store:
//
//	Add      total up; the own line up
//	Done     the own line down, or another's, or back; total down; if it is 0, empties up
//	Take     others' lines down; the own line up
//	bury     back up; total down by the counts of the dead; if it is 0, empties up
//
// Invariants
//
//  1. Only the owner of the lock changes anything. A process makes the line of its slot
//     its own as the owner of the lock, too.
//  2. total is never less than the sum of the lines of the living: it rises before a line
//     does, and sinks after it.
//  3. So a death leaves what a death before or after the change would have left, or one
//     after a Take of the counts that the change was about. Nothing is undone.
//  4. Who finds that an owner of the lock died inside raises empties if total is 0, before
//     it changes anything. So who waits since total was not 0 sees that it became 0, by
//     total or by empties, whatever is added afterwards.
//  5. Without ReportDead, a count of the dead leaves total, and is remembered in back: the
//     Done of a process that had not taken it over then finds it there. A death between
//     these steps makes back too large, and one Done too many goes unnoticed.
//  6. A paused owner of the lock is not dead: who changes, waits. Who waits for the end of
//     all counts then waits for the lock at most until its context ends.
//  7. Who has waited may close the Segment at once. So a change looks whether it is open
//     before it gives the lock up, and a wait does not end while its own process is in the
//     middle of a change: it may be the Done that ended the wait.
//
// Memory orderings. The lock orders the changes. The store that made total 0 pairs with the
// load of a waiter, and so does the increment of empties, which is the full fence before
// the load of the waiters' word.
type counts struct {
	core    *segment.Segment
	lock    ownerlock.Lock
	waiters wait.Event
	total   *uint64
	empties *uint64
	back    *uint64
	ledger  ledger.Ledger
	report  bool // counts of the dead stay
}

const (
	countsWaiters = ownerlock.Size
	countsTotal   = 32
	countsEmpties = 40
	countsBack    = 48
	countsLedger  = arch.CacheLine

	// One count in a line.
	oneAdded = 1
	oneTaken = 1 << 32

	maxCounts = math.MaxInt32
)

func countsSize(procs int) uint64 { return countsLedger + ledger.Size(procs) }

// init makes this process's side of the counts in mem.
func (c *counts) init(core *segment.Segment, mem []byte, report bool) {
	c.core = core
	c.lock.Init(core, mem)
	c.waiters = wait.NewEvent(layout.At[uint32](mem, countsWaiters), core)
	c.total = layout.At[uint64](mem, countsTotal)
	c.empties = layout.At[uint64](mem, countsEmpties)
	c.back = layout.At[uint64](mem, countsBack)
	c.ledger = ledger.New(core, mem[countsLedger:])
	c.report = report
}

// begin takes the lock, and returns what empties is. It fails if ctx ends, or if the
// segment is closed: others of this process may then be inside as well, on private memory.
func (c *counts) begin(ctx context.Context) (empties uint64, err error) {
	if !c.lock.TryFree() {
		if err := c.lock.Await(ctx); err != nil {
			return 0, err
		}
	}
	if c.lock.Closed() {
		return 0, ErrSegmentClosed
	}
	empties = atomic.LoadUint64(c.empties)
	if c.lock.OwnerDied() {
		if atomic.LoadUint64(c.total) == 0 {
			atomic.AddUint64(c.empties, 1)
		}
		c.lock.MarkConsistent()
	}
	if c.ledger.Owner(c.core.Slot()) != c.core.ID() {
		c.ledger.Enter()
	}
	return empties, nil
}

// end gives the lock up, and wakes those who wait if there were no counts at any time
// since empties was what it is given. It reports whether the segment was open by the end of
// the change, before anybody of this process who waits goes (Invariant 7).
func (c *counts) end(empties uint64) (open bool) {
	emptied := atomic.LoadUint64(c.empties) != empties
	open = !c.lock.Closed()
	c.lock.Unlock()
	if emptied && c.waiters.Waiting() {
		c.waiters.Notify(wait.Everybody)
	}
	return open
}

// settle waits for the end of the change that this process may be in the middle of.
func (c *counts) settle() {
	if c.lock.Held() != 0 {
		if empties, err := c.begin(context.Background()); err == nil {
			c.end(empties)
		}
	}
}

// setTotal changes total.
func (c *counts) setTotal(n uint64) {
	arch.StoreRelease64(c.total, n)
	if n == 0 {
		atomic.AddUint64(c.empties, 1)
	}
}

// emptySince reports whether there are no counts, or were none at any time since empties was
// what it is given, which the caller has loaded before.
func (c *counts) emptySince(empties uint64) bool {
	return atomic.LoadUint64(c.total) == 0 || atomic.LoadUint64(c.empties) != empties
}

// await waits until there are no counts, or were since empties was what it is given, or the
// segment is closed. It returns ErrOwnerDied if it finds counts of the dead, if so told.
func (c *counts) await(ctx context.Context, empties uint64, tell bool) error {
	dead := false
	empty := func() bool { return c.emptySince(empties) }
	err := c.waiters.AwaitEach(ctx,
		func() bool { return empty() || dead || c.core.Closed() },
		func() { dead = c.bury(ctx) && tell })
	if err == nil && dead && !empty() {
		return fmt.Errorf("there are counts of a process that has died: %w", ErrOwnerDied)
	}
	return err
}

// put adds n counts to this process's, and reports false if they would be too many.
func (c *counts) put(n, one uint64) bool {
	total := atomic.LoadUint64(c.total)
	if n > maxCounts || total+n > maxCounts {
		return false
	}
	mine := c.ledger.Mine()
	if n > 0 {
		c.setTotal(total + n)
	}
	arch.StoreRelease64(mine, atomic.LoadUint64(mine)+n*one)
	return true
}

// takeOff takes n counts off, and reports false if there are not so many: those of this
// process that it has taken over, those that it has added, then what the living have added,
// then what belongs to the dead, or has come back from them.
func (c *counts) takeOff(n uint64) bool {
	mine := c.ledger.Mine()
	line := atomic.LoadUint64(mine)
	taken := min(n, line/oneTaken)
	added := min(n-taken, line%oneTaken)
	if rest := n - taken - added; rest > 0 {
		others, dead := c.survey()
		others -= min(others, line%oneTaken)
		back := atomic.LoadUint64(c.back)
		if rest > others+dead+back {
			return false
		}
		if rest > others+dead {
			came := rest - others - dead
			atomic.StoreUint64(c.back, back-came)
			n -= came
		}
		c.takeOver(min(rest, others))
	}
	arch.StoreRelease64(mine, line-taken*oneTaken-added)
	if total := atomic.LoadUint64(c.total); n > 0 {
		c.setTotal(total - min(n, total))
	}
	return true
}

// take makes n counts of others those of this process, and reports false if there are not
// so many.
func (c *counts) take(n uint64) bool {
	mine := c.ledger.Mine()
	line := atomic.LoadUint64(mine)
	others, dead := c.survey()
	others -= min(others, line%oneTaken)
	if !c.report {
		dead = 0
	}
	if n > others+dead {
		return false
	}
	c.takeOver(min(n, others))
	arch.StoreRelease64(mine, line+n*oneTaken)
	return true
}

// takeOver takes n counts out of what other living processes have added. Those of a process
// that has died meanwhile are counts of the dead by now, and may as well be meant.
func (c *counts) takeOver(n uint64) {
	for slot := range c.ledger.Len() {
		count := c.ledger.Count(slot)
		line := atomic.LoadUint64(count)
		k := min(n, line%oneTaken)
		if k == 0 || slot == c.core.Slot() || c.core.DeadIn(slot, c.ledger.Owner(slot)) {
			continue
		}
		arch.StoreRelease64(count, line-k)
		n -= k
	}
}

// survey returns how many counts the living have added, and nobody has taken over, and how
// many belong to the dead.
func (c *counts) survey() (added, dead uint64) {
	living := uint64(c.ledger.Living(math.MaxInt64))
	added = living % oneTaken
	total := atomic.LoadUint64(c.total)
	return added, total - min(total, added+living/oneTaken)
}

// bury reports whether there are counts of the dead, and lets them come back if they are
// not to stay.
func (c *counts) bury(ctx context.Context) bool {
	if _, dead := c.survey(); dead == 0 {
		return false
	}
	empties, err := c.begin(ctx)
	if err != nil {
		return false
	}
	_, dead := c.survey()
	if dead > 0 && !c.report {
		atomic.AddUint64(c.back, dead)
		c.setTotal(atomic.LoadUint64(c.total) - dead)
	}
	c.end(empties)
	return dead > 0
}
