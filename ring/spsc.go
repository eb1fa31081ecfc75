package ring

import (
	"reflect"
	"sync/atomic"

	"github.com/isthmus-go/isthmus/internal/layout"
	"github.com/isthmus-go/isthmus/internal/segment"
	"github.com/isthmus-go/isthmus/shm"
)

// The protocol of SPSC.
//
// A slot is a sequence number and a payload. Positions count messages from 0;
// position p lies in slot p mod capacity.
//
// States of the slot of position p: empty (sequence at most p+1-capacity) and
// full (sequence p+1). The producer makes it full; nobody makes it empty: it
// stays as it is until head passes p and the producer comes round. head, in
// shared memory, is the next position to pop. The next position to push is in
// no word: it is the first whose slot is not full, from head on.
//
// Invariants
//
//  1. Only the producer writes slots, and only those of positions in
//     [tail, head+capacity). Only the consumer writes head.
//  2. Positions head..tail-1 are full, and no others from head on.
//  3. The store of a slot's sequence is the only step that publishes a
//     message; the store of head is the only one that takes it. A producer
//     killed before its store has published nothing, and its successor finds
//     the same tail. A consumer killed before its store has taken nothing, and
//     its successor finds the same message.
//
// Memory orderings. The producer's release store of a sequence pairs with the
// consumer's load of it: the payload is visible. The consumer's release store
// of head pairs with the producer's load of it, which it does once it has used
// up the room it knows of: the payload has been copied before it is
// overwritten. Sleeping is the Event's: both stores are plain release stores,
// so the fence is the sleeper's (object.published, object.freed).
//
// Model: models/spsc.pml.

// SPSC is a ring of messages of a plain type T. It has one producer and one
// consumer, each in any process. It is the fastest kind of ring: a push and the
// pop of its message move one cache line between the processors, and neither
// executes a locked instruction.
//
// The two ends are roles. [SPSC.Producer] and [SPSC.Consumer] claim them. While a
// live process has a role, another claim of it fails with ErrRoleTaken. If the
// process dies, its successor continues at exactly the message where it stopped.
//
// If Push returns nil, exactly one Pop returns the message, in order, even if any
// processes are killed, as long as one consumer is left. If a process is killed
// inside Pop, the message counts as popped only if the process had already
// advanced past it. Otherwise, its successor pops the message.
//
// A slot takes the size of T plus 8 bytes, rounded up to a multiple of 8. A ring
// takes its slots plus 640 bytes.
type SPSC[T any] struct {
	object
	slots slots[T]
}

// NewSPSC returns the ring with that name. It creates an empty ring if none
// exists. The capacity is in messages, and is rounded up to a power of two.
// NewSPSC fails with [shm.ErrNotPlain] if T holds a pointer of any kind. It fails
// with [shm.ErrMismatch] if the name belongs to another kind of object, or to a
// ring of another capacity or message type.
func NewSPSC[T any](s *shm.Segment, name string, capacity int, opts ...Option) (*SPSC[T], error) {
	obj, err := newSlotted[T, T](s, segment.Spec{Kind: layout.KindSPSC, Name: name}, capacity, opts)
	if err != nil {
		return nil, err
	}
	return &SPSC[T]{object: obj, slots: newSlots[T](obj.body, obj.capacity)}, nil
}

// newSlotted finds or creates a ring of messages T, in slots with a payload P. The size that
// spec has is of what lies before the slots.
func newSlotted[T, P any](s *shm.Segment, spec segment.Spec, capacity int, opts []Option) (o object, err error) {
	core := segment.Of(s)
	ref := core.Ref(spec.Kind, spec.Name)
	if spec.Type, err = layout.Of(reflect.TypeFor[T]()); err != nil {
		return o, ref.Fault(err)
	}
	n, size, err := slottedBody[P](capacity)
	if err != nil {
		return o, ref.Fault(err)
	}
	spec.Capacity = n
	spec.Size += size
	return newObject(core, spec, opts)
}

// slottedBody returns the number of slots that a capacity stands for, and their bytes.
func slottedBody[T any](capacity int) (n, size uint64, err error) {
	if n, err = roundCapacity(capacity); err == nil {
		size, err = layout.Mul(int(n), uintptr(stride[T]()))
	}
	return n, size, err
}

// Cap returns how many messages the ring can hold.
func (r *SPSC[T]) Cap() int { return int(r.capacity) }

// Len returns how many messages are in the ring at the moment. It returns 0 if
// the segment is closed.
func (r *SPSC[T]) Len() int {
	head, tail := r.ends()
	if r.core.Closed() {
		return 0
	}
	return int(tail - head)
}

// ends returns the next position to pop, and the next to push, as they are at some moment
// meanwhile, unless messages are popped all the time.
func (r *SPSC[T]) ends() (head, tail uint64) {
	for range endsAttempts {
		head = atomic.LoadUint64(r.head)
		tail = r.findTail(head)
		if atomic.LoadUint64(r.head) == head {
			break
		}
	}
	return head, tail
}

// endsAttempts is how often ends begins again because a message was popped.
const endsAttempts = 16

// findTail returns the first position from head on whose slot is not full.
func (r *SPSC[T]) findTail(head uint64) uint64 {
	// Full positions come before those that are not (Invariant 2).
	lo, hi := head, head+r.capacity
	for lo != hi {
		mid := lo + (hi-lo)/2
		if atomic.LoadUint64(r.slots.word(mid)) == mid+1 {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return lo
}

// Producer claims the producer's role for this process.
func (r *SPSC[T]) Producer() (*Producer[T], error) {
	p, err := r.claimProducer(func(head uint64) (uint64, error) { return r.findTail(head), nil })
	if err != nil {
		return nil, err
	}
	return &Producer[T]{object: r.object, slots: r.slots, pusher: p}, nil
}

// Consumer claims the consumer's role for this process.
func (r *SPSC[T]) Consumer() (*Consumer[T], error) {
	c, err := r.claimConsumer()
	if err != nil {
		return nil, err
	}
	return &Consumer[T]{object: r.object, slots: r.slots, popper: c}, nil
}
