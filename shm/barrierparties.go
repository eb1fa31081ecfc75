package shm

import (
	"sync/atomic"

	"github.com/isthmus-go/isthmus/internal/arch"
	"github.com/isthmus-go/isthmus/internal/ledger"
	"github.com/isthmus-go/isthmus/internal/segment"
)

// barrierParties is who the parties of a Barrier are, and how many of them have come: a line
// for each process.
//
//	bits 0-9    come    how many of it have come in the present phase, if that is even
//	bits 10-19          the same, if it is odd
//	bits 20-29  places  how many parties it is: the most that have come in one phase
//	bits 30-39  gone    the places of those of its slot who have died, with GoOn
//
// What has come in the phase before counts for nothing. It counts again in the next one,
// unless it is forgotten before: a process forgets its own when it comes.
//
// Changes of a line, each one store of the owner of the lock:
//
//	come    come up, places the same if it is less; what came in the phase before is 0
//	forget  what came in the phase before is 0
//	enter   a line without places becomes that of the present owner of the slot
//	bury    with GoOn: of a dead process, places are added to gone; the rest is 0
//	reset   all but the places of the living is 0
//	clear   no process that is alive has places: all is 0
//
// Invariants
//
//  1. A line with places is that of the process which has them, or had them until it died.
//     While somebody alive has come, and the phase is not over, it keeps them, but for bury.
//     So who has come may survey the lines without the lock, and no death is hidden by a
//     paused owner of it.
//  2. Before the first place of a process is taken, the dead are looked for. So no line of a
//     dead process is entered with places. If nobody alive has any, the dead are no parties
//     of those to come.
//  3. A death in the middle of any of these leaves lines that the next one changes as well.
type barrierParties struct {
	core    *segment.Segment
	ledger  ledger.Ledger
	parties uint64
	goOn    bool
}

const (
	lineBits    = 10
	lineMask    = 1<<lineBits - 1
	placesShift = 2 * lineBits
	goneShift   = 3 * lineBits

	maxParties = lineMask
)

// parity is where a line has what came in that phase.
func parity(phase uint64) uint64 { return phase % 2 * lineBits }

func comeIn(line, phase uint64) uint64 { return line >> parity(phase) & lineMask }
func placesOf(line uint64) uint64      { return line >> placesShift & lineMask }
func goneOf(line uint64) uint64        { return line >> goneShift & lineMask }

// known reports whether this process is a party.
func (p *barrierParties) known() bool {
	return p.ledger.Owner(p.core.Slot()) == p.core.ID() && placesOf(atomic.LoadUint64(p.ledger.Mine())) > 0
}

// enter makes the line of this process its own. Its places are 0, and its gone stays.
func (p *barrierParties) enter() { p.ledger.Inherit() }

// come has one more of this process come in a phase.
func (p *barrierParties) come(phase uint64) {
	mine := p.ledger.Mine()
	line := atomic.LoadUint64(mine)
	come := min(comeIn(line, phase)+1, maxParties)
	places := max(placesOf(line), come)
	arch.StoreRelease64(mine, line&(lineMask<<goneShift)|places<<placesShift|come<<parity(phase))
}

// count returns how many have come in a phase, and how many have to: all parties; with
// GoOn, those who are alive, or have not come yet.
func (p *barrierParties) count(phase uint64) (come, want uint64) {
	var places, gone uint64
	for slot := range p.ledger.Len() {
		line := atomic.LoadUint64(p.ledger.Count(slot))
		come += comeIn(line, phase)
		places += placesOf(line)
		gone += goneOf(line)
	}
	want = p.parties
	if p.goOn {
		want = min(want, max(places, want-min(gone, want), 1))
	}
	return come, want
}

// complete reports whether as many have come in a phase as have to.
func (p *barrierParties) complete(phase uint64) bool {
	come, want := p.count(phase)
	return come >= want
}

// forget removes what came in the phase before.
func (p *barrierParties) forget(phase uint64) {
	for slot := range p.ledger.Len() {
		count := p.ledger.Count(slot)
		if line := atomic.LoadUint64(count); comeIn(line, phase-1) > 0 {
			arch.StoreRelease64(count, line&^(lineMask<<parity(phase-1)))
		}
	}
}

// survey reports whether there are parties that are alive, and such that have died.
func (p *barrierParties) survey() (living, dead bool) {
	for slot := range p.ledger.Len() {
		switch {
		case placesOf(atomic.LoadUint64(p.ledger.Count(slot))) == 0:
		case p.died(slot):
			dead = true
		default:
			living = true
		}
	}
	return living, dead
}

// died reports whether the process whose line that of a slot is has died.
func (p *barrierParties) died(slot int) bool { return p.core.DeadIn(slot, p.ledger.Owner(slot)) }

// bury has the phase go on without those who have died.
func (p *barrierParties) bury() {
	for slot := range p.ledger.Len() {
		count := p.ledger.Count(slot)
		if line := atomic.LoadUint64(count); placesOf(line) > 0 && p.died(slot) {
			arch.StoreRelease64(count, min(goneOf(line)+placesOf(line), maxParties)<<goneShift)
		}
	}
}

// reset forgets the dead, and who has come.
func (p *barrierParties) reset() {
	for slot := range p.ledger.Len() {
		count := p.ledger.Count(slot)
		line := atomic.LoadUint64(count) & (lineMask << placesShift)
		if line != 0 && p.died(slot) {
			line = 0
		}
		arch.StoreRelease64(count, line)
	}
}

// clear forgets all parties.
func (p *barrierParties) clear() {
	for slot := range p.ledger.Len() {
		arch.StoreRelease64(p.ledger.Count(slot), 0)
	}
}
