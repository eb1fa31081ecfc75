package tap

import (
	"fmt"
	"runtime"

	"github.com/isthmus-go/isthmus/internal/layout"
)

// train is an SPSC or a Broadcast: slots, each with the position of its message plus one
// (docs/FORMAT.md, F40 and F41).
type train struct {
	words
	place
	body, stride uint64 // of the slots
	elem         uint64
	capacity     uint64
	broadcast    bool
	ordered      bool // a later payload shows only if the words before it do
}

// inOrder says that this processor makes the stores of another one visible in their order.
const inOrder = runtime.GOARCH == "amd64" || runtime.GOARCH == "386" || runtime.GOARCH == "s390x"

// streamed is the size from which on a copy may use stores that are not in order: those of gc do from
// 1 MiB on, but a memcpy of C from a share of the cache on, of 16 KiB at least.
const streamed = 1 << 14

func newTrain(o words, e layout.Entry, oldest bool) (*train, error) {
	const lossless, lines = 2, 64 * 128
	r := &train{
		words: o, body: offBody, capacity: e.Capacity, elem: e.ElemSize,
		broadcast: e.Kind == layout.KindBroadcast, ordered: inOrder && e.ElemSize < streamed,
	}
	if r.broadcast && e.Flags&lossless != 0 {
		r.body += lines
	}
	var err error
	if r.stride, err = slotSize(o.mem, r.body, e); err != nil {
		return nil, err
	}
	switch {
	case !oldest:
		r.pos = r.tail()
	case r.broadcast:
		limit := r.word(offTail)
		r.pos = limit - min(limit, r.capacity)
	default:
		r.pos = r.word(offHead)
	}
	return r, nil
}

// slotSize returns the distance between the slots of a ring, whose body must have room for them.
func slotSize(mem []byte, body uint64, e layout.Entry) (uint64, error) {
	size := uint64(len(mem))
	if e.ElemSize > layout.MaxFile || !powerOfTwo(e.Capacity) || body > size || e.ElemSize == 0 {
		return 0, fmt.Errorf("has %d slots of %d bytes in %d: %w", e.Capacity, e.ElemSize, size, layout.ErrCorrupt)
	}
	stride := (8 + e.ElemSize + 7) &^ 7
	if (size-body)/stride < e.Capacity {
		return 0, fmt.Errorf("has %d slots of %d bytes in %d: %w", e.Capacity, e.ElemSize, size, layout.ErrCorrupt)
	}
	return stride, nil
}

func (r *train) slot(pos uint64) uint64 { return r.body + (pos&(r.capacity-1))*r.stride }

func (r *train) renewed() bool { return int64(r.tail()-r.pos) < 0 }

// tail returns the first position whose message is not published, as it is at some moment meanwhile.
func (r *train) tail() uint64 {
	lo := r.word(offHead)
	hi := lo + r.capacity
	if r.broadcast {
		hi = r.word(offTail)
		lo = hi - min(hi, max(r.capacity/8, 1))
	}
	for lo != hi {
		if mid := lo + (hi-lo)/2; int64(r.word(r.slot(mid))-mid) > 0 {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return lo
}

func (r *train) step() (Event, error) {
	pos := r.pos
	switch w := r.word(r.slot(pos)); {
	case w == pos+1:
	case int64(w-pos-1) < 0:
		if r.closed() && r.word(r.slot(pos)) == w {
			return Event{}, errClosed
		}
		return Event{}, errEmpty
	default:
		return r.lapped(w)
	}
	e := Event{Position: pos, Data: r.copy(r.slot(pos)+8, r.elem), Size: r.elem}
	if r.broadcast {
		if r.after(offTail)-pos <= r.capacity {
			r.pos++
			return e, nil
		}
		return r.lapped(pos + 1)
	}
	head := r.after(offHead)
	last := r.word(r.slot(pos + r.capacity - 1))
	if int64(head-pos) <= 0 || r.ordered && int64(last-pos-r.capacity) < 0 {
		r.pos++
		return e, nil
	}
	return r.lapped(max(last, pos+1))
}

// lapped goes on from a position whose message is gone, where the one before published is: to
// the oldest that may be there, or, where a producer gives no notice, to the middle of them.
func (r *train) lapped(published uint64) (Event, error) {
	pos := r.pos
	next := published - r.capacity/2
	switch {
	case r.broadcast:
		next = r.word(offTail) - r.capacity
	case !r.ordered:
		next = r.word(offHead)
	}
	if int64(next-pos) <= 0 {
		return Event{}, fmt.Errorf("position %d: word, and %d as the next position: %w", pos, next, layout.ErrCorrupt)
	}
	r.pos = next
	return gap(pos, next, 1), nil
}
