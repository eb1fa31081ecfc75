package ring

import (
	"sync/atomic"

	"github.com/isthmus-go/isthmus/internal/layout"
)

// holder is the second word of a slot of a WorkQueue, which says who holds its message if
// the slot is held:
//
//	tag 15 bits | 1 | deliveries 10 bits | owner id 38 bits
//
// The owner is 0 if the message is nobody's. The tag is the low bits of the lap in which
// the message was put: a task that is over is not mistaken for one of a later message, of
// less than 2^15 laps after it.
type holder uint64

// finished is the holder of a message that was acknowledged.
const finished holder = 0

const (
	countBits  = 10
	countShift = layout.IDBits
	manyTimes  = 1<<countBits - 1 // deliveries, from where they are not counted
	liveShift  = countShift + countBits

	// mostDeliveries is the highest limit. The count goes on while a dead letter is moved:
	// so the holder of one is none that a Task names.
	mostDeliveries = 511
)

// newHolder returns the holder of a message that was not delivered yet, and is nobody's.
func newHolder(lap uint64) holder { return holder(lap<<1|1) << liveShift }

func (h holder) owner() layout.ID   { return layout.ID(h & (1<<layout.IDBits - 1)) }
func (h holder) deliveries() uint64 { return uint64(h>>countShift) & manyTimes }

// of returns the holder with another owner, or nobody.
func (h holder) of(owner layout.ID) holder { return h&^(1<<layout.IDBits-1) | holder(owner) }

// again returns the holder with one delivery more. Where these are not counted any more,
// the tag rises, so that it is another holder all the same (Invariant 6 of work.go).
func (h holder) again() holder {
	if h.deliveries() == manyTimes {
		return h + 1<<(liveShift+1)
	}
	return h + 1<<countShift
}

func (q *WorkQueue[T]) holder(pos uint64) holder {
	return holder(atomic.LoadUint64(&q.slots.value(pos).holder))
}

func (q *WorkQueue[T]) swapHolder(pos uint64, old, h holder) bool {
	return atomic.CompareAndSwapUint64(&q.slots.value(pos).holder, uint64(old), uint64(h))
}
