package segment

import (
	"math/bits"
	"runtime"
	"sync/atomic"

	"github.com/isthmus-go/isthmus/internal/layout"
	"github.com/isthmus-go/isthmus/internal/liveness"
)

// Attendance says which processes use an object, or are one end of it, and whether one
// of these has died. Each side of an object has a bit for each slot of the process table,
// and a mark.
//
// States of a slot's bit: clear; or set, and so about the slot's tenant (package
// liveness, tenant.go), who is alive and attends, or has left in order and counts for
// nothing, or has died.
//
//	clear → set    by the tenant: Attend
//	set   → clear  by the tenant: Leave
//	set   → clear  by a newcomer to the slot, before it moves in: settle; of one that has
//	               died, in the same step the mark of the side is set
//	set   → clear  by another who attends, if the tenant has died: inherit
//	mark  → none   by another who attends: inherit
//
// Invariants:
//
//  1. A set bit is the mark of its slot's tenant: only the tenant sets it, and a newcomer
//     moves in when it has cleared all bits of its slot.
//  2. A death of one that attended shows in its bit, or in the mark, until somebody
//     attends that side after it. A newcomer moves it from the one to the other in one
//     compare-and-swap.
//  3. Who clears the bit of a dead tenant holds its slot, so that the bit is nobody
//     else's.
//  4. Who inherits has set its own bit before.
//
// A death while a newcomer settles leaves bits of the same tenant, for the next one to
// go on with. A death while somebody inherits leaves that one's bit, and so a death (4). A
// death that a newcomer is just moving to the mark while somebody inherits may stay
// there: it is told though it was inherited. A process that is closed while it attends may
// leave its bit: it has left in order all the same.
//
// Where the memory of a closing process is not severed, it ends its changes before its slot
// is free, and begins no more: the bit is the next owner's then (mark).
//
// Memory orderings: all are sequentially consistent. A closing process says that it
// leaves before its lock is dropped: who finds it dead sees that.

// Attend makes this attachment attend a side of an object, for as long as it is open and
// does not Leave. It takes over from those of that side who have died: they are not told
// of any more. To attend twice is to attend.
func (s *Segment) Attend(o Object, side layout.Side) {
	s.attend(o.entry, side)
	for k := range s.header.AttendWords() {
		s.inherit(s.attendance(o.entry, side, k), k)
	}
	runtime.KeepAlive(s)
}

// Leave ends what Attend began.
func (s *Segment) Leave(o Object, side layout.Side) {
	s.leave(o.entry, side)
	runtime.KeepAlive(s)
}

// Attended reports whether anybody who is alive attends a side of an object, this
// attachment included, and whether somebody has died who did, and nobody has come since.
func (s *Segment) Attended(o Object, side layout.Side) (alive, died bool) {
	n, died := s.attendees(o.entry, side)
	runtime.KeepAlive(s)
	return n > 0, died
}

func (s *Segment) attendance(entry int, side layout.Side, k int) *atomic.Uint64 {
	return s.header.Attendance(s.mem, entry, side, k)
}

// mine returns the bit of this attachment, and the word that has it.
func (s *Segment) mine(entry int, side layout.Side) (word *atomic.Uint64, bit uint64) {
	slot := s.Slot()
	return s.attendance(entry, side, slot/layout.AttendSlots), 1 << (slot % layout.AttendSlots)
}

func (s *Segment) attend(entry int, side layout.Side) {
	word, bit := s.mine(entry, side)
	s.mark(func() { word.Or(bit) })
	atStep(stepAttending)
}

func (s *Segment) leave(entry int, side layout.Side) {
	word, bit := s.mine(entry, side)
	s.mark(func() { word.And(^bit) })
}

// mark calls f, which changes attendance, unless this attachment has come to its end.
func (s *Segment) mark(f func()) {
	s.res.marks.Lock()
	defer s.res.marks.Unlock()
	if !s.res.settled {
		f()
	}
}

// inherit clears the bits of the dead in word k of a side, and its mark.
func (s *Segment) inherit(word *atomic.Uint64, k int) {
	for slot, bit := range s.slots(word.Load(), k) {
		if _, fate := s.table.Tenant(slot); fate != liveness.Alive {
			s.mark(func() {
				s.table.Hold(slot, func() {
					atStep(stepHeld)
					word.And(^bit)
				})
			})
		}
	}
	atStep(stepInherited)
	if word.Load()&layout.AttendDied != 0 {
		s.mark(func() { word.And(^uint64(layout.AttendDied)) })
	}
}

// slots returns an iterator over the slots whose bits are set in w, which is or was word
// k of a side, and their bits.
func (s *Segment) slots(w uint64, k int) func(yield func(slot int, bit uint64) bool) {
	return func(yield func(int, uint64) bool) {
		for w &^= layout.AttendDied; w != 0; w &= w - 1 {
			slot := k*layout.AttendSlots + bits.TrailingZeros64(w)
			if slot >= s.header.MaxProcs || !yield(slot, w&-w) { // nobody sets others
				return
			}
		}
	}
}

// attendees counts those alive who attend a side of a directory entry, and reports whether
// any has died. If the record does not keep still, somebody is alive.
func (s *Segment) attendees(entry int, side layout.Side) (alive int, died bool) {
	for range lookAttempts {
		if alive, died, ok := s.look(entry, side); ok {
			return alive, died
		}
	}
	return 1, false
}

const lookAttempts = 64

// look is one attempt of attendees. What it has seen one by one was so at one moment if it
// has not changed since: neither the bits, nor the tenants, who only rise, and so does
// their sum.
func (s *Segment) look(entry int, side layout.Side) (alive int, died, ok bool) {
	var words [layout.MaxProcs/layout.AttendSlots + 1]uint64
	n := s.header.AttendWords()
	for k := range n {
		words[k] = s.attendance(entry, side, k).Load()
	}
	atStep(stepLooking)
	var tenants liveness.ID
	for k, w := range words[:n] {
		died = died || w&layout.AttendDied != 0
		for slot := range s.slots(w, k) {
			id, fate := s.table.Tenant(slot)
			tenants += id
			switch fate {
			case liveness.Alive:
				alive++
			case liveness.Died:
				died = true
			}
		}
	}
	atStep(stepLooked)
	for k, w := range words[:n] {
		if s.attendance(entry, side, k).Load() != w {
			return 0, false, false
		}
		for slot := range s.slots(w, k) {
			id, _ := s.table.Tenant(slot)
			tenants -= id
		}
	}
	return alive, died, tenants == 0
}

// settle clears what earlier owners of this attachment's slot have left, and makes it the
// slot's tenant.
func (s *Segment) settle() {
	earlier, fate := s.table.Tenant(s.Slot())
	for i := 0; earlier != 0 && i < s.header.MaxObjects && layout.Used(s.header.Entry(s.mem, i)); i++ {
		for _, side := range []layout.Side{layout.User, layout.Producer, layout.Consumer} {
			word, bit := s.mine(i, side)
			for w := word.Load(); w&bit != 0; w = word.Load() {
				after := w &^ bit
				if fate == liveness.Died {
					after |= layout.AttendDied
				}
				atStep(stepSettling)
				if word.CompareAndSwap(w, after) {
					atStep(stepSettled)
					break
				}
			}
		}
	}
	s.table.MoveIn()
}
