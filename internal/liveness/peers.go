package liveness

import (
	"sync/atomic"

	"github.com/isthmus-go/isthmus/internal/layout"
)

// How an owner has ended is in two words of its slot: left is the last owner that has
// closed its Table, and died is at least the last one that has not and whose slot was
// taken since.
//
//	left  its owner stores its own ID, while it is Alive: Leave
//	died  raised to a dead ID by whoever is about to take or hold the slot of that ID,
//	      unless that has left, or was no Peer: it held the slot, or never had it whole
//
// Invariants:
//
//  1. Who is dead and has not left is in the slot's ID, or no greater than died: the
//     raise goes before the slot is taken.
//  2. Who has left is in left, or its slot was taken, and died is less until a later
//     owner dies. Only then, and only if another has left too, is it taken for dead.
//
// Memory orderings: all are atomic. Leave goes before the unlock that makes the ID
// dead, so that who finds it dead finds it in left.

// Peer is an owner that is alive.
type Peer struct {
	ID   ID
	Slot int
	PID  int // 0 if it is not known, or belongs to another PID namespace
}

// Peers returns the owners that are alive and have a slot, in the order of those.
func (t *Table) Peers() (peers []Peer) {
	for slot := range len(t.mem) / layout.SlotSize {
		id := ID(t.word(slot, offID).Load())
		if id == 0 || ID(t.word(slot, offProcess).Load()) != id { // or not yet
			continue
		}
		pid, _ := t.pid(slot)
		if !t.DeadIn(slot, id) { // and so it was its pid
			peers = append(peers, Peer{id, slot, int(pid)})
		}
	}
	return peers
}

// pid returns the pid in a slot, if it means something in this process.
func (t *Table) pid(slot int) (pid uint32, ok bool) {
	if !samePIDs(t.word(slot, offNamespace).Load()) {
		return 0, false
	}
	return layout.At[atomic.Uint32](t.mem, uint64(slot*layout.SlotSize+offPID)).Load(), true
}

// Left reports whether the owner of id, which is dead and had that slot, has closed its
// Table.
func (t *Table) Left(slot int, id ID) bool {
	left := ID(t.word(slot, offLeft).Load())
	taken := ID(t.word(slot, offID).Load()) != id // after left, and before died
	died := ID(t.word(slot, offDied).Load())
	return left == id || taken && died < id
}

// mourn records that id is dead, before its slot is taken.
func (t *Table) mourn(slot int, id ID) {
	if ID(t.word(slot, offLeft).Load()) == id {
		return
	}
	// After that: if it has left, and another has had the slot and left since, that one is
	// here.
	if ID(t.word(slot, offProcess).Load()) != id {
		return
	}
	word := t.word(slot, offDied)
	for died := word.Load(); died < uint64(id) && !word.CompareAndSwap(died, uint64(id)); {
		died = word.Load()
	}
}
