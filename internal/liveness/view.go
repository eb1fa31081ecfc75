package liveness

import (
	"sync/atomic"

	"github.com/isthmus-go/isthmus/internal/layout"
)

// View returns a Table that attaches nobody: it is for looking at the process table mem of
// the file f, which may be open for reading only, and whose last slot may be cut off.
// Nothing but Record, Dead and Tenant may be called. f stays the caller's.
func View(f *File, mem []byte) *Table { return &Table{mem: mem, locks: f.locks} }

// Record is what a slot says of its last owner.
type Record struct {
	ID        ID
	Whole     bool // the owner has written down what follows
	PID       uint32
	Namespace uint64 // which PID namespace that is in, 0 if unknown
	Here      bool   // that is this process's
	Left      bool   // the owner has said that it closes in order
	Dead      bool
}

// Slots returns how many slots there are.
func (t *Table) Slots() int { return len(t.mem) / layout.SlotSize }

// Record returns that of a slot. Its ID is 0 if the slot never had an owner.
func (t *Table) Record(slot int) (r Record) {
	if r.ID = ID(t.word(slot, offID).Load()); r.ID == 0 {
		return r
	}
	if r.Whole = t.signed(slot, r.ID); r.Whole { // before all else, as in inherited
		r.PID = layout.At[atomic.Uint32](t.mem, uint64(slot*layout.SlotSize+offPID)).Load()
		r.Namespace = t.word(slot, offNamespace).Load()
		r.Here = samePIDs(r.Namespace)
	}
	r.Dead = t.DeadIn(slot, r.ID)
	r.Left = ID(t.word(slot, offLeft).Load()) == r.ID // once it is dead, that is its last word
	return r
}
