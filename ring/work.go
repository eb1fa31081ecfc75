package ring

import (
	"fmt"
	"io/fs"
	"sync/atomic"

	"github.com/isthmus-go/isthmus/internal/arch"
	"github.com/isthmus-go/isthmus/internal/layout"
	"github.com/isthmus-go/isthmus/internal/segment"
	"github.com/isthmus-go/isthmus/internal/wait"
	"github.com/isthmus-go/isthmus/shm"
)

// The protocol of WorkQueue.
//
// It is that of MPMC, whose invariants hold, with a state more, and a second word in
// each slot, the holder. A message stays in its slot until it is finished. What
// does not stay is the slot's place in the ring: a producer that comes to a slot whose
// message is held passes it over, to the next lap.
//
// States of the slot of position p, in lap L, with its holder:
//
//	free(L)        --Put: claim-->                writing(L, id)   as in MPMC
//	writing        --publish-->                   full(L)
//	writing        --repair of the dead-->        free(L+1)
//	full(L)        --Get: take-->                 reading(L, id)
//	reading        --its taker-->                 reading, holder (id, 1)
//	reading        --its taker-->                 held(L), holder (id, 1)
//	reading        --Get by another, taker dead-> reading(L, other id)
//	reading        --Put by another, taker dead-> reading(L, other id)
//	reading        --it puts the message back-->  reading, holder (nobody, 0)
//	reading        --it puts the message back-->  held(L), holder (nobody, 0)
//	held(L)        --Put by anybody: pass-->      held(L+1)
//	held, (id, d)  --Nack-->                      held, (nobody, d)
//	held, (id, d)  --Get by another, id nobody or dead--> held, (other id, d+1)
//	held, (id, d)  --move of a dead letter, likewise--> held, (other id, d+1)
//	held, (id, d)  --Ack-->                       held, 0
//	held(L), 0     --anybody: finish-->           free(L+1)
//	free(L)        --Get, after Close-->          closed(L)
//
// Invariants, beyond those of MPMC
//
//  1. While a slot is held, the holder says whose the message is, and nothing else does.
//     Each transition of the holder is one compare-and-swap; but that of a taker, or of
//     who puts back, is a store, before the slot is held. A holder that is not of a living
//     process is one of: 0, finished, and never changed before the slot is free; nobody's,
//     which says how often the message was delivered; or a dead process's, and an id never
//     comes back.
//  2. Who takes over loads the holder, asks whether it is dead, and then looks whether
//     the slot is held. So its compare-and-swap is about the message that is there: the
//     dead one has not finished it, and has left it held. (If it died between the two
//     stores of a take, the slot is reading, though the holder may look as in an earlier lap.)
//  3. A held word has its whole lap, and it is one message's only. So a compare-and-swap
//     on it passes, or frees, what was seen, however long its process was paused. Who
//     frees it has loaded the holder after it, and found 0.
//  4. To pass a held slot is to claim, to publish and to take its position in one
//     step: who comes by finds it taken. A producer passes only if that leads to a
//     free slot: all slots behind it, up to that one, are held too. So what a process
//     holds, for as long as it likes, takes one slot's room and stops nobody. (A held slot
//     can only become one that is passed, or free. So what was found to lead there does.)
//  5. A death between full and held leaves a message that nobody was given: its
//     next taker's is the first delivery. It stops producers, also behind slots that are
//     held; they put it back, as what is nobody's stops them no more. Who does that has
//     claimed the slot from the dead, as a taker does, so that it is one of them.
//  6. Each delivery, and each take of a dead letter to move it, raises d, or, once that is at
//     its end, the tag. A task's d is the limit at most, if there is one. So a task that was
//     given back names no later holder of its message.
//
// What a death leaves: in Put, what it leaves in MPMC. In Get, before the take: nothing;
// after it: the slot reading, or held, with the id. A consumer that waits looks at all
// slots at each Slice; one that does not is told by a producer, which at a pass now
// and then asks whether the holder is dead, and repairs what is in its way. Who puts back
// leaves what it has found, with its own id, or a message of nobody's. In Ack or Nack, before the holder is changed: the
// message with the id; after an Ack: a finished slot, which whoever comes by frees; after
// a Nack: a message of nobody's. Its wakes are made up for by the bounds of sleeps.
// In the move of a dead letter: see work_bury.go.
//
// Model: models/workqueue.pml, of one slot.
//
// Memory orderings. As in MPMC. The store of held pairs with the load of the word by
// who passes or takes over: the holder is there. The compare-and-swap of the holder to
// nobody pairs with the load of it by the next: what a worker has written in the message
// is seen. The one to 0 pairs with the loads of Join.

// WorkQueue is a queue of work that has to be done, with messages of a plain type T.
// It has any number of producers and of consumers, the workers, in any processes and
// goroutines. It is Python's JoinableQueue, and outlives its workers.
//
// Get gives a worker a [Task]: a message that stays in the queue until Ack. A worker may
// hold any number of messages, for as long as it likes. A message that is held takes the
// room of one message, and the others go on around it. (An [MPMC] that has lent a
// message stops when it has gone round.)
//
// If Put returns nil, the message is delivered until a worker has acknowledged it. If a
// worker dies, or closes its Segment, the messages that it held, and only these, are
// delivered again: a consumer that waits gets them within 50 ms. If no consumer ever has
// to wait, it is after the ring has gone round. Messages are delivered in the order in
// which each producer put them, but for those that come again. A paused process keeps what
// it holds. If it is stopped in the middle of a Put or a Get, the others may have to wait
// until it continues, as with an MPMC.
//
// So a message that no worker acknowledges before it dies is delivered more than once, and
// each delivery has a number: [Task.Deliveries]. See [MaxDeliveries] for messages that no
// worker survives.
//
// In the terms of the Go memory model, a Put synchronizes before the Get of its message, a
// Nack before the next Get of the message, and an Ack before the return of a Join that
// finds the message acknowledged.
//
// As with an MPMC, TryPut and TryGet look for what the dead have left only once in 64
// failed tries. No operation makes a system call if nobody has to wait or to be woken, but
// a Put that passes over messages that others hold: once in 64 positions, or once a round,
// it asks whether they are alive.
//
// A slot takes the size of T plus 24 bytes, rounded up to a multiple of 8. A queue
// takes its slots plus 640 bytes.
type WorkQueue[T any] struct {
	track
	slots   slots[entry[T]]
	joiners wait.Event

	most uint64        // deliveries before a message is a dead letter, or 0
	dead *WorkQueue[T] // where these go

	resume atomic.Uint64 // the slot after that of which a message was last taken over
}

// entry is the payload of a slot.
type entry[T any] struct {
	holder uint64 // who holds the message
	letter uint64 // names the move of a dead letter, see work_bury.go
	value  T
}

// NewWorkQueue returns the queue with that name. It creates an empty queue if none
// exists. The capacity is in messages, those that are held included, and is rounded up to a
// power of two. Options are [FailOnDeath] and [MaxDeliveries]. NewWorkQueue fails with
// [shm.ErrNotPlain] if T holds a pointer of any kind. It fails with [shm.ErrMismatch] if
// the name belongs to another kind of object, or to a queue of another capacity, message
// type or number of deliveries.
func NewWorkQueue[T any](s *shm.Segment, name string, capacity int, opts ...WorkQueueOption) (*WorkQueue[T], error) {
	set := setOf(opts)
	core := segment.Of(s)
	ref := core.Ref(layout.KindWorkQueue, name)
	var dead *WorkQueue[T]
	if set.most != 0 {
		var ok bool
		dead, ok = set.dead.(*WorkQueue[T])
		switch {
		case !ok || dead == nil || set.most < 1 || set.most > mostDeliveries:
			return nil, ref.Fault(fmt.Errorf("MaxDeliveries of %d to a %T: %w", set.most, set.dead, fs.ErrInvalid))
		case dead.core != core || dead.most != 0:
			return nil, ref.Fault(fmt.Errorf("dead letters go to %v: want a queue of the same Segment without MaxDeliveries: %w", dead, fs.ErrInvalid))
		}
	}
	obj, err := newSlotted[T, entry[T]](s, segment.Spec{Kind: layout.KindWorkQueue, Name: name, Flags: uint64(set.most)}, capacity, set.flags)
	if err != nil {
		return nil, err
	}
	q := &WorkQueue[T]{
		track:   newTrack(obj, stride[entry[T]]()),
		slots:   newSlots[entry[T]](obj.body, obj.capacity),
		joiners: wait.NewEvent(obj.memory.joiners, core),
		most:    uint64(set.most), dead: dead,
	}
	q.joiners.CountIn(obj.tally())
	q.covers = func(uint64, word) uint64 { return 1 }
	q.untaken = q.putBack
	q.share(q.othersHold)
	return q, nil
}

// Cap returns how many messages the queue can hold, those that workers hold included.
func (q *WorkQueue[T]) Cap() int { return int(q.capacity) }

// Len returns how many messages wait to be delivered, those that came back included, or are
// just being put. It returns 0 if the segment is closed.
func (q *WorkQueue[T]) Len() int { return q.count(waits) }

func waits(w word, h holder) bool {
	return w.phase() == full || w.phase() == writing || w.phase() == held && h.owner() == 0 && h != finished
}

// InFlight returns how many messages are held: they were delivered, and are not
// acknowledged. Those of a worker that has died count until they are delivered again. It
// returns 0 if the segment is closed.
func (q *WorkQueue[T]) InFlight() int { return q.count(inFlight) }

func inFlight(w word, h holder) bool {
	return w.phase() == reading || w.phase() == held && h.owner() != 0
}

// count counts the slots of which is reports true, one by one.
func (q *WorkQueue[T]) count(is func(w word, h holder) bool) (n int) {
	for i := range q.capacity {
		if w := q.load(i); is(w, q.holder(i)) {
			n++
		}
	}
	if q.core.Closed() {
		return 0
	}
	return n
}

// Close closes the queue permanently. Consumers get the messages that are in it. When
// all messages are acknowledged, and not before, Get returns ErrClosed: until then one may
// come back. A Put that is in progress may still succeed.
// [shm.Segment.RemoveObject] explains how to open the queue again.
func (q *WorkQueue[T]) Close() error { return q.track.Close() }

// The state words as a track has them, where the compiler knows the stride.

func (q *WorkQueue[T]) load(pos uint64) word     { return word(atomic.LoadUint64(q.slots.word(pos))) }
func (q *WorkQueue[T]) store(pos uint64, w word) { arch.StoreRelease64(q.slots.word(pos), uint64(w)) }
func (q *WorkQueue[T]) swap(pos uint64, old, w word) bool {
	return atomic.CompareAndSwapUint64(q.slots.word(pos), uint64(old), uint64(w))
}
