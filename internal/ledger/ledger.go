// Package ledger keeps, in shared memory, how much of an object each process holds, so
// that the living know what has come back from the dead.
package ledger

import (
	"sync/atomic"

	"github.com/isthmus-go/isthmus/internal/arch"
	"github.com/isthmus-go/isthmus/internal/layout"
	"github.com/isthmus-go/isthmus/internal/liveness"
	"github.com/isthmus-go/isthmus/internal/segment"
)

// Ledger is this process's side of a ledger: a line for each slot of the process table.
// The zero value has none.
//
//	0  owner  id of the process that the line belongs to
//	8  count  how much it holds
//
// Invariants
//
//  1. A line changes its owner only in the hands of the new one, who has its process
//     slot: Enter, Inherit. The count is 0, or what the object lets it be, before the new id
//     is there.
//  2. Only its owner changes the count of a line, or whom the object lets do so while it
//     keeps everybody else from changing, and entering, lines.
//  3. What the dead hold counts for nothing, from their deaths on. Nobody clears it but
//     the next owner of the line.
//
// The object says when a sum is exact: mostly while its own word keeps every process
// from changing its count.
//
// Memory orderings. The release store of a line's owner comes after that of its count,
// and pairs with the load of the owner in Living, which loads the count after it. The
// stores of the counts are the object's, by Mine.
type Ledger struct {
	core  *segment.Segment
	lines []line
}

type line struct {
	owner, count *uint64
}

// Size is how many bytes a ledger takes.
func Size(procs int) uint64 { return uint64(procs) * arch.CacheLine }

// New returns this process's side of the ledger in mem, whose bytes are 0 at first.
func New(core *segment.Segment, mem []byte) Ledger {
	l := Ledger{core: core, lines: make([]line, core.MaxProcs())}
	for i := range l.lines {
		off := uint64(i) * arch.CacheLine
		l.lines[i] = line{owner: layout.At[uint64](mem, off), count: layout.At[uint64](mem, off+8)}
	}
	return l
}

// Enter makes the line of this process's slot its own. What is there is of an earlier
// owner of the slot, who is dead.
func (l *Ledger) Enter() {
	line := l.lines[l.core.Slot()]
	arch.StoreRelease64(line.count, 0)
	arch.StoreRelease64(line.owner, uint64(l.core.ID()))
}

// Inherit is Enter that keeps the count, of which the object has made what it is to be.
func (l *Ledger) Inherit() {
	arch.StoreRelease64(l.lines[l.core.Slot()].owner, uint64(l.core.ID()))
}

// Mine returns the count of this process.
func (l *Ledger) Mine() *uint64 { return l.Count(l.core.Slot()) }

// Count returns the count of the line of a slot.
func (l *Ledger) Count(slot int) *uint64 { return l.lines[slot].count }

// Len returns how many lines there are.
func (l *Ledger) Len() int { return len(l.lines) }

// Owner returns the owner of the line of a slot.
func (l *Ledger) Owner(slot int) liveness.ID {
	return liveness.ID(atomic.LoadUint64(l.lines[slot].owner))
}

// Living adds up what the living hold. A count that is not from 1 to most is nobody's.
func (l *Ledger) Living(most int64) (sum int64) {
	for slot, line := range l.lines {
		owner := l.Owner(slot) // before the count: Invariant 1
		count := int64(atomic.LoadUint64(line.count))
		if count > 0 && count <= most && !l.core.DeadIn(slot, owner) {
			sum += count
		}
	}
	return sum
}
