package segment

import (
	"runtime"
	"sync/atomic"

	"github.com/isthmus-go/isthmus/internal/liveness"
)

// A hold is a word of an object that names the attachment which holds something of it,
// as the role of a producer.
//
// States of the word:
//
//	free  0
//	new   the ID of a claimant, marked so, and as an heir if the one before has died
//	held  the ID
//	left  the ID of a holder or claimant that has closed its Segment or is about to, marked
//	      so, and as an heir if it was new and that
//
//	free, new, held, left → new   by a claimant, from the ID of nobody or the dead
//	new → held                    by the claimant, if its Segment is not closed
//	held → free                   by the holder: Drop
//	new, held → left              by the holder's Close
//
// Invariants:
//
//  1. There is one holder at most that is alive. A holder that has left is one until it
//     is dead: an operation that Close catches in the middle has the hold to its end.
//  2. Who is dead and held has died without closing its Segment. Close marks the
//     words, and whoever claims after that finds the Segment closed, and stays new.
//  3. The death of a holder shows until a successor is held: in its own ID, or in the
//     mark of heirs, who stay new or leave.
//
// Each transition is one compare-and-swap. A kill at any step leaves a word that the
// next claimant takes.
//
// Memory orderings: Close sets closed, then marks, then severs and unlocks. A claimant
// raises claims, swaps its word to new, then loads closed, then swaps it to held. If it
// finds the Segment open, Close's look at claims and word comes after the first swap, and
// the second fails if it comes after the mark. The claimant's first swap comes after the
// probe that found the last holder dead, and so sees all that one has done.
//
// Model: models/hold.pml.

// Hold is this attachment's side of a hold. It must not keep the Segment alive.
type Hold struct {
	word   *atomic.Uint64
	claims atomic.Int32 // by this attachment: begun, less those that failed or were given up
	next   *Hold        // of this attachment's
}

// Marks of a hold, above all bits of an ID.
const (
	holdNew  = 1 << 62
	holdLeft = 1 << 63
	holdHeir = 1 << 61
	holdID   = holdHeir - 1
)

// NewHold returns the hold whose word is given, part of an object of the segment. All
// handles of the object should share it.
func (s *Segment) NewHold(word *atomic.Uint64) *Hold {
	h := &Hold{word: word}
	for {
		h.next = s.res.holds.Load()
		if s.res.holds.CompareAndSwap(h.next, h) {
			return h
		}
	}
}

// Word returns the word.
func (h *Hold) Word() *atomic.Uint64 { return h.word }

// Claim takes the hold, or reports false if the living have it. heir says that the one before
// has died.
func (s *Segment) Claim(h *Hold) (ok, heir bool) {
	me := uint64(s.ID())
	h.claims.Add(1)
	atStep(stepClaiming)
	for {
		w := h.word.Load()
		if s.holderAlive(w) {
			h.claims.Add(-1)
			return false, false
		}
		claim := me | holdNew
		if orphaned(w) {
			claim |= holdHeir
		}
		if h.word.CompareAndSwap(w, claim) {
			if !s.Closed() {
				h.word.CompareAndSwap(claim, me)
			}
			return true, claim&holdHeir != 0
		}
	}
}

// Drop gives the hold up, if this attachment has it.
func (s *Segment) Drop(h *Hold) {
	defer runtime.KeepAlive(s)
	if h.word.CompareAndSwap(uint64(s.ID()), 0) {
		h.claims.Add(-1)
	}
}

// leave marks the hold if id has it.
func (h *Hold) leave(id uint64) {
	for h.claims.Load() > 0 {
		w := h.word.Load()
		atStep(stepMarking)
		if w&holdID != id || w&holdLeft != 0 || h.word.CompareAndSwap(w, w&^holdNew|holdLeft) {
			return
		}
	}
}

// Held reports whether somebody alive has the hold.
func (s *Segment) Held(h *Hold) bool { return s.holderAlive(h.word.Load()) }

func (s *Segment) holderAlive(w uint64) bool {
	return w != 0 && !s.Dead(liveness.ID(w&holdID))
}

// Abandoned reports whether the last holder has died, without giving the hold up or
// closing its Segment, and has no successor.
func (s *Segment) Abandoned(h *Hold) bool {
	defer runtime.KeepAlive(s)
	w := h.word.Load()
	atStep(stepDoubting)
	// It may have been marked between the load and the probe.
	return orphaned(w) && !s.holderAlive(w) && h.word.Load() == w
}

// orphaned reports whether a word whose ID is dead says that a holder has died.
func orphaned(w uint64) bool { return w != 0 && (w&^holdID == 0 || w&holdHeir != 0) }
