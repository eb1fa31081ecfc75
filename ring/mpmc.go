package ring

import (
	"sync/atomic"

	"github.com/isthmus-go/isthmus/internal/arch"
	"github.com/isthmus-go/isthmus/internal/layout"
	"github.com/isthmus-go/isthmus/internal/segment"
	"github.com/isthmus-go/isthmus/shm"
)

// The protocol of MPMC.
//
// A slot is a state word and a payload. Positions count messages from 0;
// position p lies in slot p mod capacity, in lap p div capacity. tail and head
// are hints: all positions before tail have been claimed for writing, all
// before head have been taken, and maybe some after them.
//
// States of the slot of position p, in lap L (see word):
//
//	free(L)    --push: claim-->                   writing(L, id, run)
//	writing    --push: publish-->                 full(L)
//	writing    --cancel, or repair of the dead--> free(L+1)
//	full(L)    --pop of one-->                    free(L+1)
//	full(L)    --pop of many: take-->             freeing(L, id, run)
//	freeing    --its owner, or repair-->          free(L+1)
//	full(L)    --Next: lend-->                    reading(L, id)
//	reading    --Release-->                       free(L+1)
//	reading    --pop by another, owner dead-->    free(L+1)
//	free(L)    --pop, after Close-->              closed(L)
//
// Invariants
//
//  1. Positions are claimed in order, both for writing and for taking: a
//     producer passes p only if it has seen p claimed in lap L or later, and
//     likewise a consumer. A claim with a run covers the run-1 positions after
//     it: everybody comes by p first, and goes on at p+run.
//  2. A claim, a take and a lend are each one compare-and-swap that names the
//     owner. There is no instant at which a slot is held by nobody's name.
//  3. Before a run is claimed, all its slots are known to be free (or full, to
//     take it). They stay so: only a claim could change them, and none can
//     pass the first.
//  4. A run is published, or freed, from its last slot to its first. While the
//     first is claimed nobody else touches the others, in this lap or the next.
//  5. A pop copies the payload before its compare-and-swap. If that succeeds,
//     the slot was full in lap L all the while, and the copy is whole. So a
//     death inside Pop leaves the message either in the ring or taken.
//  6. Repair is the rest of what the dead process would have done (freeing),
//     or its undoing (writing), by compare-and-swaps from exact words, the
//     first slot of the run last. Several may repair at once, stop anywhere,
//     and be repaired after. A repair that comes too late changes nothing.
//  7. tail and head are raised after the claim of what lies before them, by
//     compare-and-swap, so that they never fall back. They lag by a few
//     positions; whoever starts too early walks, and where it finds later laps
//     it jumps ahead, no further than their states prove the way to be taken.
//  8. A claimed word shows its lap modulo 2^14. What is concluded from that
//     about a position is concluded only while the hint has not passed the
//     position: then they are less than 2^13 laps apart. (The hint lags by as many
//     positions, beyond a few, as there are goroutines between a claim and its
//     raise.)
//  9. If the slot of p is free, or full, and all positions before p are claimed,
//     or taken, then so are as many slots behind it as its word counts: they
//     became so before it did (4), and nobody has come by since (1). There may be
//     more of them than it counts.
//
// Memory orderings. The release store of full pairs with the load of the word
// in a pop: the payload is visible, and so are those of the slots that the word
// counts, whose stores come before it. The compare-and-swap to free, or the
// release store of it, pairs with the load of the word in a claim: the payload,
// and those of the slots that the word counts, have been copied before they are
// overwritten. Sleeping is the Event's.
//
// Model: models/mpmc.pml.

// MPMC is a ring of messages of a plain type T. It has any number of producers
// and consumers, in any processes and goroutines.
//
// If Push returns nil, exactly one Pop returns the message, even if any processes
// are killed, as long as one consumer is left. The messages of one producer come
// in order. There is one exception to the order: if Next has lent a message to a
// process that died, the message comes later than in order. A dead process does
// not hold up others for more than 50 ms. A paused process can hold up others: if
// a producer is stopped in the middle of a push, the consumers cannot go past its
// message, because that would break the order.
//
// TryPop may return ErrEmpty while an earlier push is in progress, even if a
// later push is complete.
//
// A handle looks for dead processes in its try operations only once in 64 failed
// tries. Until it looks, or until an operation that waits has looked, two things
// can happen. TryPush may return ErrFull although messages have been popped.
// TryPop may return ErrEmpty although a message waits: a message behind one that
// a dead process was pushing, or a message that was lent to a dead process.
//
// A slot takes the size of T plus 8 bytes, rounded up to a multiple of 8. A ring
// takes its slots plus 640 bytes.
type MPMC[T any] struct {
	track
	slots    slots[T]
	twoLines uint64 // slots in two lines of memory: how far to fetch ahead
}

// NewMPMC returns the ring with that name. It creates an empty ring if none
// exists. The capacity is in messages, and is rounded up to a power of two.
// NewMPMC fails with [shm.ErrNotPlain] if T holds a pointer of any kind. It fails
// with [shm.ErrMismatch] if the name belongs to another kind of object, or to a
// ring of another capacity or message type.
func NewMPMC[T any](s *shm.Segment, name string, capacity int, opts ...Option) (*MPMC[T], error) {
	obj, err := newSlotted[T, T](s, segment.Spec{Kind: layout.KindMPMC, Name: name}, capacity, opts)
	if err != nil {
		return nil, err
	}
	q := &MPMC[T]{
		track: newTrack(obj, stride[T]()), slots: newSlots[T](obj.body, obj.capacity),
		twoLines: max(2, 2*64/stride[T]()),
	}
	q.covers = func(_ uint64, w word) uint64 { return min(w.run(), q.capacity) }
	q.share(q.anyLent)
	return q, nil
}

// Cap returns how many messages the ring can hold.
func (q *MPMC[T]) Cap() int { return int(q.capacity) }

// Len returns how many messages are in the ring at the moment. It counts messages
// that are being pushed or popped, messages that are lent, and slots that were
// given up. It returns 0 if the segment is closed.
func (q *MPMC[T]) Len() int { return q.used() }

// The state words as a track has them, where the compiler knows the stride.

func (q *MPMC[T]) load(pos uint64) word     { return word(atomic.LoadUint64(q.slots.word(pos))) }
func (q *MPMC[T]) store(pos uint64, w word) { arch.StoreRelease64(q.slots.word(pos), uint64(w)) }
func (q *MPMC[T]) swap(pos uint64, old, w word) bool {
	return atomic.CompareAndSwapUint64(q.slots.word(pos), uint64(old), uint64(w))
}
