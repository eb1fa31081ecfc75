package tap

import (
	"fmt"

	"github.com/isthmus-go/isthmus/internal/layout"
)

// records is a Bytes: headers, each with messages of one length behind it (docs/FORMAT.md, F42).
// Positions count bytes, modulo 2^58.
type records struct {
	words
	place
	capacity uint64
}

const (
	committed  = 1 << 63
	padding    = 1 << 62
	lengthMask = 1<<32 - 1
	moreShift  = 32
	moreMask   = 511

	mostRecords = 1 << 26 // that are followed, in memory that may be hostile

	header     = 8
	placeShift = 6
)

func newRecords(o words, e layout.Entry, oldest bool) (*records, error) {
	r := &records{words: o, capacity: e.Capacity}
	if size := uint64(len(o.mem)); size < offBody || e.Capacity < 64 || !powerOfTwo(e.Capacity) || e.Capacity > size-offBody {
		return nil, fmt.Errorf("has a capacity of %d in %d bytes: %w", e.Capacity, size, layout.ErrCorrupt)
	}
	if r.pos = r.head(); !oldest {
		r.pos = r.tail()
	}
	return r, nil
}

// head returns the position of the record that is to be popped.
func (r *records) head() uint64 { return r.word(offHead) &^ moreMask >> placeShift }

// lately is head, loaded after all that was loaded before.
func (r *records) lately() uint64 { return r.after(offHead) &^ moreMask >> placeShift }

func modulo(pos uint64) uint64 { return pos & (1<<(64-placeShift) - 1) }

// behind returns how far b is behind a, negative if it is before it.
func behind(a, b uint64) int64 { return int64((b-a)<<placeShift) >> placeShift }

func (r *records) header(pos uint64) uint64 { return offBody + pos&(r.capacity-1)&^7 }

// extent returns how many bytes the record of the header h at pos takes, 0 if none can.
func (r *records) extent(pos, h uint64) uint64 {
	n, more, left := h&lengthMask, h>>moreShift&moreMask, r.capacity-pos&(r.capacity-1)&^7
	size := header + (more+1)*((n+7)&^7)
	switch {
	case h&committed == 0:
	case h&padding != 0:
		if n == left && n < r.capacity/2 {
			return n
		}
	case n <= r.capacity/2-2*header && size <= left:
		return size
	}
	return 0
}

func (r *records) renewed() bool { return behind(r.pos, r.tail()) < 0 }

// tail follows the headers from head on to the last, as it is at some moment meanwhile, or to one
// before it if there are very many. What is popped before its header is known to be whole, it does not follow.
func (r *records) tail() uint64 {
	pos := r.head()
	for range min(r.capacity/header, mostRecords) + 1 {
		n := r.extent(pos, r.word(r.header(pos)))
		if head := r.lately(); behind(pos, head) > 0 {
			pos = head
		} else if n == 0 {
			break
		} else {
			pos = modulo(pos + n)
		}
	}
	return pos
}

func (r *records) step() (Event, error) {
	h := r.word(r.header(r.pos))
	n := r.extent(r.pos, h)
	length, more := h&lengthMask, h>>moreShift&moreMask
	e := Event{Position: r.pos, Index: r.index, Size: length}
	if n != 0 && h&padding == 0 && r.index <= more {
		e.Data = r.copy(r.header(r.pos)+header+r.index*((length+7)&^7), length)
	}
	if head := r.lately(); behind(r.pos, head) > 0 {
		return r.passed(head), nil
	}
	switch {
	case h == 0 && r.closed() && r.word(r.header(r.pos)) == 0:
		return Event{}, errClosed
	case h == 0:
		return Event{}, errEmpty
	case n == 0 || r.index > more:
		return Event{}, fmt.Errorf("header %#x at offset %d: %w", h, r.header(r.pos)-offBody, layout.ErrCorrupt)
	case h&padding != 0:
		r.place = place{pos: modulo(r.pos + n)}
		return r.step() // what is behind it is no padding, as it is at the start of the ring
	case r.index < more:
		r.index++
		r.before = header + r.index*((length+7)&^7)
	default:
		r.place = place{pos: modulo(r.pos + n)}
	}
	return e, nil
}

// passed goes on at head, from a record that was popped. What of it was returned was not missed.
func (r *records) passed(head uint64) Event {
	e := Event{Position: modulo(r.pos + r.before), Missed: uint64(behind(r.pos, head)) - r.before}
	r.place = place{pos: head}
	return e
}
