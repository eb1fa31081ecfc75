package tap

import (
	"fmt"

	"github.com/isthmus-go/isthmus/internal/layout"
)

// track is an MPMC or a BytesMPMC: slots, each with a state word (docs/FORMAT.md, F43 to F45).
// Positions count slots.
type track struct {
	words
	place
	capacity uint64 // a power of two
	lapShift uint64
	stride   uint64
	elem     uint64 // of a message of an MPMC
	chunks   uint64 // where they lie in a BytesMPMC, 0 in an MPMC
}

// state is a state word.
type state uint64

const (
	free    = 0
	full    = 1
	closed  = 2
	reading = 5

	claimed   = 4 // the bit of the phases whose words name an owner
	runMask   = 1<<9 - 1
	shortRuns = runMask - 8 // from there on a message lies beside its word

	chunk     = 64
	chunkSlot = 16

	mostSteps = 4096 // of a walk, in memory that may be hostile
)

func (w state) phase() uint64 { return uint64(w & 7) }

// ahead returns by how many laps the word is ahead of lap.
func (w state) ahead(lap uint64) int64 {
	if w&claimed != 0 {
		return int64((uint64(w>>50)-lap)<<50) >> 50
	}
	return int64((uint64(w>>12)-lap)<<12) >> 12
}

// run is how many slots, or chunks, the word speaks for, as 9 bits say it.
func (w state) run() uint64 {
	if w&claimed != 0 {
		return uint64(w>>41) & runMask
	}
	return uint64(w>>3) & runMask
}

func newTrack(o words, e layout.Entry, oldest bool) (*track, error) {
	r := &track{words: o, capacity: e.Capacity, elem: e.ElemSize}
	if e.Kind == layout.KindMPMC {
		var err error
		if r.stride, err = slotSize(o.mem, offBody, e); err != nil {
			return nil, err
		}
	} else {
		n := e.Capacity / chunk
		if size := uint64(len(o.mem)); !powerOfTwo(e.Capacity) || n < 2 || n > size/chunk || chunksOff(n)+n*chunk > size {
			return nil, fmt.Errorf("has a capacity of %d in %d bytes: %w", e.Capacity, size, layout.ErrCorrupt)
		}
		r.capacity, r.stride, r.chunks = n, chunkSlot, chunksOff(n)
	}
	for n := r.capacity; n > 1; n /= 2 {
		r.lapShift++
	}
	if r.pos = r.passed(); !oldest {
		r.pos = r.tail()
	}
	return r, nil
}

// chunksOff returns where n chunks lie behind their slots, and the words of their deliveries.
func chunksOff(n uint64) uint64 { return offBody + (n*(chunkSlot+8)+chunk-1)&^(chunk-1) }

func (r *track) slot(pos uint64) uint64 { return offBody + (pos&(r.capacity-1))*r.stride }

func (r *track) at(pos uint64) (w state, ahead int64) {
	w = state(r.word(r.slot(pos)))
	return w, w.ahead(pos >> r.lapShift)
}

// passed returns a position before which all have been taken, or given up.
func (r *track) passed() uint64 {
	head, tail := r.word(offHead), r.word(offTail)
	if int64(tail-r.capacity-head) > 0 {
		return tail - r.capacity
	}
	return head
}

// covers returns how many positions a word at pos that is claimed, or full, speaks for.
func (r *track) covers(pos uint64, w state) uint64 {
	if r.chunks != 0 {
		n, end := r.length(w.run()), r.capacity-pos&(r.capacity-1)
		if n > end {
			n += end // it lies at the beginning
		}
		return n
	}
	if w&claimed == 0 || w.phase() == reading {
		return 1
	}
	return min(max(w.run(), 1), r.capacity)
}

// length returns how many chunks a run is.
func (r *track) length(run uint64) uint64 {
	switch {
	case run >= shortRuns:
		run = 1
	case run > 255:
		run = (16 | run&15) << (run>>4 - 12)
	}
	return min(max(run, 1), r.capacity/2)
}

func (r *track) renewed() bool { return int64(r.tail()-r.pos) < 0 }

// tail goes from the producers' hint to the first position that nobody has claimed.
func (r *track) tail() uint64 {
	pos := r.word(offTail)
	for range mostSteps {
		switch w, ahead := r.at(pos); {
		case ahead < 0, ahead == 0 && w.phase() == free, w.phase() == closed:
			return pos
		case ahead == 0:
			pos += r.covers(pos, w)
		default:
			pos += uint64(ahead-1)*r.capacity + 1
		}
	}
	return pos
}

func (r *track) step() (Event, error) {
	start := r.pos
	for range mostSteps {
		pos := r.pos
		w, ahead := r.at(pos)
		if passed := r.passed(); int64(passed-pos) > 0 { // and only else does ahead mean anything
			r.pos = passed
			continue
		}
		switch phase := w.phase(); {
		case ahead == 0 && phase == full:
			if pos != start {
				return gap(start, pos, r.unit()), nil
			}
			r.pos += r.covers(pos, w)
			if e, ok, err := r.message(pos, w); ok || err != nil {
				return e, err
			}
		case ahead == 0 && phase > claimed: // reading or freeing: taken
			r.pos += r.covers(pos, w)
		case ahead <= 0: // not published, or not yet claimed
			if pos != start {
				return gap(start, pos, r.unit()), nil
			}
			if ended := phase == closed || phase == free && r.closed(); ended && r.word(r.slot(pos)) == uint64(w) {
				return Event{}, errClosed
			}
			return Event{}, errEmpty
		default: // at least the one two laps before was taken, or given up: this may have been too
			r.pos += uint64(max(ahead-2, 0))*r.capacity + 1
		}
	}
	return gap(start, r.pos, r.unit()), nil
}

func (r *track) unit() uint64 {
	if r.chunks != 0 {
		return chunk
	}
	return 1
}

// message copies the message at pos, whose word was w. It is not ok if that has changed.
func (r *track) message(pos uint64, w state) (e Event, ok bool, err error) {
	off, n := r.slot(pos)+8, r.elem
	if r.chunks != 0 {
		off, n = r.lies(pos, w)
		if room := r.length(w.run()) * chunk; n > room {
			err = fmt.Errorf("position %d: length %#x of %d bytes: %w", pos, n, room, layout.ErrCorrupt)
			n = 0
		}
	}
	e = Event{Position: pos, Data: r.copy(off, n), Size: n}
	if state(r.after(r.slot(pos))) != w {
		return Event{}, false, nil
	}
	return e, true, err
}

// lies returns where the message at pos lies in a BytesMPMC, and how long it says it is.
func (r *track) lies(pos uint64, w state) (off, n uint64) {
	if run := w.run(); run >= shortRuns {
		return r.slot(pos) + 8, run - shortRuns
	}
	at := pos & (r.capacity - 1)
	if at+r.length(w.run()) > r.capacity {
		at = 0
	}
	return r.chunks + at*chunk, r.word(r.slot(pos) + 8)
}
