package ring

import (
	"fmt"
	"sync/atomic"

	"github.com/isthmus-go/isthmus/internal/layout"
	"github.com/isthmus-go/isthmus/internal/segment"
	"github.com/isthmus-go/isthmus/shm"
)

// The protocol of Bytes.
//
// A position counts bytes from 0, in steps of 8; position p lies at offset p mod
// capacity. At each record's position there is a header word, and behind it one message,
// or several of the same length, each rounded up to 8 bytes. A place is a record's
// position and the index of a message in it, in one word.
//
//	header:  bit 63 committed, bit 62 padding, bits 32-40 more, bits 0-31 length
//	place:   bits 9-63 position / 8, bits 0-8 index
//
// States of the header at the producer's position: zero (nothing there), or
// committed. A committed header is never changed before head has passed it. It says how
// many messages there are behind the first (more), and the length of each.
// Padding fills the rest of the ring where a message would not fit in one piece.
//
// Invariants
//
//  1. Only the producer writes the bytes of positions in [tail, head+capacity),
//     and the header at tail is zero until it commits. Only the consumer writes
//     head, which is a place: the room of a record is free when its last message
//     is popped.
//  2. From head on, committed headers follow one another, and end with a zero
//     header, at tail. So before a header is committed, the one behind it is
//     zeroed: old payload is never taken for a header. Of a batch, the headers
//     after the first are written before it, while it is still zero.
//  3. Committing a header (of records that are written together, the first, or the
//     padding's before it), and the store of head, are the only steps that count. A
//     producer killed before the one has published none of them; its successor walks
//     the headers from head to the same tail. A consumer killed before the other has
//     taken nothing.
//  4. A place shows its position modulo 2^58: the positions in the ring are less than
//     2^31 apart, so that their differences modulo 2^58 are theirs.
//
// Memory orderings. The release store of a header pairs with the consumer's load
// of it: the messages and the zero header behind them are visible. The release
// store of head pairs with the producer's load of it: the messages have been read
// before they are overwritten. Sleeping is the Event's.

// Bytes is a ring of byte messages of any size. It has one producer and one
// consumer, each in any process. Messages are copied, or are written and read in
// place.
//
// Bytes has the same guarantees and the same two roles as [SPSC].
//
// A message occupies its length plus 8 bytes, rounded up to a multiple of 8. It
// is contiguous: at the end of the ring, up to the space of one message may stay
// unused. If PushAll pushes messages of one length in a row, up to 512 of them share
// those 8 bytes, as far as they fit in an eighth of the ring and in the space that is
// free in one piece. Their space becomes free when the last of them is popped. The
// longest message, [Bytes.MaxLen], is half the capacity minus 16
// bytes. A ring takes its capacity plus 640 bytes.
type Bytes struct {
	records
}

// records are the ring's messages, as both of its ends see them.
type records struct {
	object
}

const (
	headerSize = 8
	committed  = 1 << 63
	padding    = 1 << 62
	lengthMask = 1<<32 - 1
	moreShift  = 32
	maxMore    = 1<<9 - 1

	placeShift = 6 // a position is a multiple of 8

	minBytes = 64
)

// NewBytes returns the ring with that name. It creates an empty ring if none
// exists. The capacity is in bytes, and is rounded up to a power of two, at least
// 64. NewBytes fails with [shm.ErrMismatch] if the name belongs to another kind
// of object, or to a ring of another capacity.
func NewBytes(s *shm.Segment, name string, capacity int, opts ...Option) (*Bytes, error) {
	core := segment.Of(s)
	ref := core.Ref(layout.KindBytes, name)
	n, err := roundBytes(capacity)
	if err != nil {
		return nil, ref.Fault(err)
	}
	obj, err := newObject(core, segment.Spec{Kind: layout.KindBytes, Name: name, Capacity: n, Size: n}, opts)
	if err != nil {
		return nil, err
	}
	return &Bytes{records{obj}}, nil
}

// roundBytes returns the capacity in bytes that a capacity stands for.
func roundBytes(capacity int) (uint64, error) {
	n, err := roundCapacity(capacity)
	return max(n, minBytes), err
}

// Cap returns the capacity in bytes.
func (r *Bytes) Cap() int { return int(r.capacity) }

// MaxLen returns the length of the longest message that fits.
func (r *Bytes) MaxLen() int { return r.maxLen() }

// Len returns how many bytes of the ring are in use at the moment, including
// headers, and messages that were popped and whose space is not free yet. It
// returns 0 if the segment is closed.
func (r *Bytes) Len() int {
	head, tail := r.ends()
	if r.core.Closed() {
		return 0
	}
	return int(tail - head)
}

// ends returns the next position to pop, and the next to push, as those of an SPSC do. If the
// ring is corrupt, both are the same.
func (r *Bytes) ends() (head, tail uint64) {
	for range endsAttempts {
		place := atomic.LoadUint64(r.head)
		head = position(place)
		var err error
		if tail, err = r.findTail(place); err != nil {
			tail = head
		}
		if atomic.LoadUint64(r.head) == place {
			break
		}
	}
	return head, tail
}

func (r *records) maxLen() int { return int(r.capacity/2 - 2*headerSize) }

// stride8 is the room of each message of n bytes in a record.
func stride8(n uint64) uint64 { return (n + 7) &^ 7 }

// record is the room that a record takes, of a message of n bytes and more behind it.
func record(n, more uint64) uint64 { return headerSize + (more+1)*stride8(n) }

// placeOf returns the place of the first message of the record at pos.
func placeOf(pos uint64) uint64 { return pos << placeShift }

// position returns the position of a place's record, modulo 2^58.
func position(place uint64) uint64 { return place &^ maxMore >> placeShift }

// distance returns how many bytes there are from a place's record to another's (Invariant 4).
func distance(from, to uint64) uint64 { return (to&^maxMore - from&^maxMore) >> placeShift }

// header returns the header word at pos. The mask keeps it inside the ring.
func (r *records) header(pos uint64) *uint64 { return layout.At[uint64](r.body, r.offset(pos)) }

func (r *records) offset(pos uint64) uint64 { return pos & (r.capacity - 1) &^ 7 }

// payload returns the i-th message, of n bytes, behind the header at pos. It must not go
// past the end of the ring.
func (r *records) payload(pos, i, n uint64) []byte {
	off := r.offset(pos) + headerSize + i*stride8(n)
	return r.body[off : off+n : off+n]
}

// extent returns how many bytes the committed header h at pos says its record takes, and
// fails if that cannot be, or if there is no i-th message.
func (r *records) extent(pos, i, h uint64) (uint64, error) {
	n, more, left := h&lengthMask, h>>moreShift&maxMore, r.capacity-r.offset(pos)
	switch {
	case h&^(committed|padding|maxMore<<moreShift|lengthMask) != 0, h&committed == 0, i > more:
	case h&padding != 0:
		if n == left && n < r.capacity/2 && more == 0 {
			return left, nil
		}
	case n <= uint64(r.maxLen()) && record(n, more) <= left:
		return record(n, more), nil
	}
	return 0, r.fault(fmt.Errorf("header %#x at offset %d, message %d: %w", h, r.offset(pos), i, ErrCorrupt))
}

// findTail walks the headers from head on to the first that is zero.
func (r *records) findTail(head uint64) (uint64, error) {
	first, i := position(head), head&maxMore
	for pos := first; ; i = 0 {
		h := atomic.LoadUint64(r.header(pos))
		if h == 0 {
			return pos, nil
		}
		n, err := r.extent(pos, i, h)
		if err != nil {
			return 0, err
		}
		if pos += n; pos-first > r.capacity {
			return 0, r.fault(fmt.Errorf("messages overlap: %w", ErrCorrupt))
		}
	}
}

// Producer claims the producer's role for this process.
func (r *Bytes) Producer() (*BytesProducer, error) {
	p, err := r.claimProducer(r.findTail)
	if err != nil {
		return nil, err
	}
	return &BytesProducer{records: r.records, pusher: p}, nil
}

// Consumer claims the consumer's role for this process.
func (r *Bytes) Consumer() (*BytesConsumer, error) {
	c, err := r.claimConsumer()
	if err != nil {
		return nil, err
	}
	return &BytesConsumer{records: r.records, popper: c}, nil
}
