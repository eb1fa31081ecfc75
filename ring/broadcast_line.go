package ring

import (
	"math/bits"
	"sync/atomic"

	"github.com/isthmus-go/isthmus/internal/arch"
	"github.com/isthmus-go/isthmus/internal/layout"
	"github.com/isthmus-go/isthmus/internal/segment"
)

// A line is the place of one subscriber of a lossless ring.
//
//	0  owner  who has the line
//	8  place  the next position that the owner pops
//
// States of the owner's word:
//
//	free     term, id 0
//	held     term, id
//	evicted  term, id, mark
//
//	free → held      by a claimant: one term more, its id
//	held → free      by the owner: it leaves
//	held → evicted   by anybody: Evict
//	evicted → free   by the owner, when it finds out
//	held, evicted → free, or held by a claimant    if the id is dead
//
// Invariants
//
//  1. Each transition is one compare-and-swap of the whole word. The term tells the
//     subscribers of one process apart that have had the line.
//  2. Only the owner writes the place, as long as it has not seen that it is evicted. So
//     an evicted line is nobody else's before the owner has seen it, or is dead.
//  3. A new owner's line has a place of an earlier one at first, or 0. That is not ahead
//     of the tail, so it keeps the producer from nothing but to go on.
//
// The bit of a line in the word used is set before it is claimed for the first time, and
// stays. The producer looks at lines with a bit only.
type line struct {
	owner, place *uint64
}

// MaxSubscribers is how many subscribers a lossless [Broadcast] can have at a time. (One
// that loses messages can have any number.)
const MaxSubscribers = 64

const (
	evicted   = 1 << 63
	termShift = layout.IDBits
	oneTerm   = 1 << termShift
	idMask    = oneTerm - 1
)

// lines are those of a ring.
type lines struct {
	used *uint64
	all  []line
}

// linesSize is how many bytes the lines of a ring with these options take.
func linesSize(opts []Option) uint64 {
	if has(opts, Lossless) {
		return MaxSubscribers * arch.CacheLine
	}
	return 0
}

func newLines(mem []byte, used *uint64) lines {
	l := lines{used: used}
	for off := uint64(0); off < uint64(len(mem)); off += arch.CacheLine {
		l.all = append(l.all, line{layout.At[uint64](mem, off), layout.At[uint64](mem, off+8)})
	}
	return l
}

// none reports whether the ring has no lines: it loses messages.
func (l *lines) none() bool { return len(l.all) == 0 }

// each returns an iterator over the lines that may have an owner, and their words.
func (l *lines) each(yield func(i int, w uint64) bool) {
	for used := atomic.LoadUint64(l.used); used != 0 && !l.none(); used &= used - 1 {
		i := bits.TrailingZeros64(used) % len(l.all)
		w := atomic.LoadUint64(l.all[i].owner)
		if w&idMask != 0 && !yield(i, w) {
			return
		}
	}
}

// slowest returns the least place of all subscribers, or the producer's position.
func (l *lines) slowest(pos uint64) (uint64, error) {
	least := pos
	for i, w := range l.each {
		if w&evicted != 0 {
			continue
		}
		place := atomic.LoadUint64(l.all[i].place)
		if int64(pos-place) < 0 {
			return pos, ErrCorrupt
		}
		least = min(least, place)
	}
	return least, nil
}

// claim takes a free line for this process, and returns its number and its word. heir says that
// the line was of the dead.
func (l *lines) claim(core *segment.Segment) (i int, w uint64, heir, ok bool) {
	for i := range l.all {
		atomic.OrUint64(l.used, 1<<i)
		w := atomic.LoadUint64(l.all[i].owner)
		if w&idMask != 0 && !core.Dead(layout.ID(w&idMask)) {
			continue
		}
		mine := (w&^evicted+oneTerm)&^evicted&^idMask | uint64(core.ID())
		if atomic.CompareAndSwapUint64(l.all[i].owner, w, mine) {
			return i, mine, w&idMask != 0, true
		}
	}
	return 0, 0, false, false
}

// free gives up a line whose word is w, or was before it was evicted. It reports whether it has.
func (l *line) free(w uint64) bool {
	for _, w := range [...]uint64{w, w | evicted} {
		if atomic.CompareAndSwapUint64(l.owner, w, w&^evicted&^idMask) {
			return true
		}
	}
	return false
}

// sweep frees the lines of the dead, and returns how many.
func (l *lines) sweep(core *segment.Segment) (n int) {
	for i, w := range l.each {
		if core.Dead(layout.ID(w&idMask)) && l.all[i].free(w&^evicted) {
			n++
		}
	}
	return n
}
