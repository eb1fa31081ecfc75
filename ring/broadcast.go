package ring

import (
	"sync/atomic"

	"github.com/isthmus-go/isthmus/internal/layout"
	"github.com/isthmus-go/isthmus/internal/segment"
	"github.com/isthmus-go/isthmus/shm"
)

// The protocol of Broadcast.
//
// Slots and positions are those of an SPSC, and so is the producer: position p is
// published by the sequence p+1 of its slot, and the next position to push is the first
// whose slot is not full. But nobody takes a message. Each subscriber has a place of its
// own, the next position that it pops.
//
// The word limit (tail of the object) says how far the producer may write: all positions
// from limit on are untouched. So the messages that are whole are those from
// oldest = limit - capacity to tail - 1. The producer raises limit before it writes, by a
// chunk, an eighth of the ring, at a time. That is all that it shares with subscribers of a
// ring that loses messages: it does not look at them, and does not know them.
//
// In a lossless ring each subscriber has a line (broadcast_line.go) with its place. The
// producer may write p only once no line has a place before p+1-capacity. It looks at the
// lines when it has raised limit, and again when there is no more room. Who joins after that
// does not hold it up before limit.
//
// Invariants
//
//  1. Only the producer writes slots, and only those of positions in [tail, limit). limit
//     never falls, and tail <= limit <= tail + chunk (or a message, if that is more).
//  2. A slot whose sequence is p+1 has had the whole message p. It still has it if
//     limit <= p + capacity, by a load that comes after the copy. So a subscriber copies
//     first, then loads limit, and returns nothing that fails this.
//  3. A lapped subscriber goes on at oldest. It has missed exactly those from its place
//     to oldest - 1.
//  4. Lossless: the producer writes p only after it has seen, after its store of a limit
//     beyond p, that all subscribers with a line are at p+1-capacity or later. A new
//     subscriber writes its place into its line, and only then looks whether limit has
//     gone past place+capacity; if so, it begins later. Either the producer sees the line,
//     or the subscriber the limit (store-load on both sides).
//  5. Lossless: a subscriber whose line is still its own, by a load that comes after the
//     copy, has copied a whole message: limit may be ahead, but the producer is not (4).
//     A line that is evicted is its own no more.
//
// What a death leaves. The producer, before its store of a sequence: nothing published,
// maybe a limit that is raised; its successor finds the same tail between limit - chunk
// and limit. After it: a message, and sleepers, who wake by their bound. A subscriber:
// nothing, or a line with its dead id, which the producer frees when it has waited for
// room, or a claimant.
//
// Memory orderings. The release store of a sequence pairs with the subscriber's load of
// it: the payload is visible. The release store of limit, and the StoreFence (lossless:
// Fence) between it and the payloads that follow, pair with the subscriber's LoadAfter64
// of limit: who has copied a byte of a later payload sees the limit that allowed it.
// (Lossless: of its own place, and before its load of the owner's word.)
// The subscriber's release store of its place pairs with the producer's load of it: the
// payload has been copied. The fences of (4) are the producer's Fence and that in join.
// Sleeping is the Event's, as in an SPSC.
//
// Two orders lead through a third process. A successor does not store a limit that the dead
// producer has stored already; and the producer goes on because of an Evict. A subscriber
// that has copied a byte written after that sees the limit, or the mark of its line. So the
// StoreFence has to be cumulative, and what comes between the look at the lines and the
// payload: on ppc64, the one is an LWSYNC, and the other the SYNC with which the load of
// verdict begins. Other processors make a store visible to all others at once.
//
// Model: models/broadcast.pml.

// Broadcast is a ring of messages of a plain type T. It has one producer, and any number
// of subscribers, in any processes. Each subscriber gets every message.
//
// The producer is that of an [SPSC]: a role, which [Broadcast.Producer] claims. It never
// waits: it overwrites the oldest messages. Its costs do not depend on the number of
// subscribers. A subscriber that is too slow gets [ErrLapped], with the number of messages
// that it has missed, and continues with the oldest message that is there. A subscriber
// never gets a message that is half overwritten. The producer writes an eighth of the ring
// ahead, so a subscriber misses nothing as long as it is less than seven eighths of the
// capacity behind.
//
// With the option [Lossless], no subscriber misses a message: the producer waits for the
// slowest one. Such a ring can have [MaxSubscribers] subscribers at a time. If a subscriber
// dies, the producer goes on within 50 ms. A subscriber that is stopped holds the producer
// up until it continues, or until somebody calls [Broadcast.Evict]. If there is no
// subscriber, the producer does not wait.
//
// In the terms of the Go memory model, a Push synchronizes before each Pop of its message,
// across processes too.
//
// A slot takes the size of T plus 8 bytes, rounded up to a multiple of 8. A ring takes its
// slots plus 640 bytes, and 8,832 bytes if it is lossless.
type Broadcast[T any] struct {
	broadcast
	slots slots[T]
}

// broadcast is what a Broadcast has without its slots.
type broadcast struct {
	object
	chunk uint64 // how far limit is raised at a time; a power of two
	lines lines  // of a lossless ring, or none
}

// limit is the word that says how far the producer may write.
func (b *broadcast) limit() *uint64 { return b.tail }

// NewBroadcast returns the ring with that name. It creates an empty ring if none
// exists. The capacity is in messages, and is rounded up to a power of two.
// NewBroadcast fails with [shm.ErrNotPlain] if T holds a pointer of any kind. It fails
// with [shm.ErrMismatch] if the name belongs to another kind of object, or to a
// ring of another capacity or message type, or if one is [Lossless] and the other is not.
func NewBroadcast[T any](s *shm.Segment, name string, capacity int, opts ...Option) (*Broadcast[T], error) {
	room := linesSize(opts)
	spec := segment.Spec{Kind: layout.KindBroadcast, Name: name, Size: room}
	if room > 0 {
		spec.Flags = uint64(Lossless)
	}
	o, err := newSlotted[T, T](s, spec, capacity, opts)
	if err != nil {
		return nil, err
	}
	o.each = true
	o.consumers = attendance{o.core, o.shared, layout.Consumer}
	return &Broadcast[T]{
		broadcast: broadcast{object: o, chunk: max(o.capacity/8, 1), lines: newLines(o.body[:room], o.head)},
		slots:     newSlots[T](o.body[room:], o.capacity),
	}, nil
}

// Cap returns how many messages the ring can hold.
func (b *Broadcast[T]) Cap() int { return int(b.capacity) }

// Len returns how many messages a subscriber from the oldest would get at the moment,
// without waiting. It returns 0 if the segment is closed.
func (b *Broadcast[T]) Len() int { return b.distance(b.oldest(), b.findTail()) }

// distance is how many messages there are between two positions, for Len.
func (b *broadcast) distance(from, to uint64) int {
	n := to - from
	if int64(n) < 0 || b.core.Closed() {
		return 0
	}
	return int(min(n, b.capacity))
}

// oldest returns the first position whose message is whole.
func (b *broadcast) oldest() uint64 {
	limit := atomic.LoadUint64(b.limit())
	return limit - min(limit, b.capacity)
}

// findTail returns the next position to push, as it is at some moment meanwhile.
func (b *Broadcast[T]) findTail() uint64 {
	// Invariant 1. What is overwritten meanwhile is full too.
	hi := atomic.LoadUint64(b.limit())
	lo := hi - min(hi, b.chunk)
	for lo < hi {
		mid := lo + (hi-lo)/2
		if int64(atomic.LoadUint64(b.slots.word(mid))-mid) > 0 {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return lo
}

// Producer claims the producer's role for this process.
func (b *Broadcast[T]) Producer() (*Producer[T], error) {
	p, err := b.claimProducer(func(uint64) (uint64, error) { return b.findTail(), nil })
	if err != nil {
		return nil, err
	}
	return &Producer[T]{object: b.object, slots: b.slots, pusher: p, crowd: &crowd{broadcast: &b.broadcast}}, nil
}
