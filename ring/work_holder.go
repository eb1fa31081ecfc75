package ring

import (
	"sync/atomic"

	"github.com/isthmus-go/isthmus/internal/layout"
)

// holder is the second word of a slot of a WorkQueue, which says who holds its message if
// the slot is held:
//
//	tag 17 bits | deliveries 9 bits | owner id 38 bits
//
// The owner is 0 if the message came back. The tag is the low bits of the lap in which the
// message was put: a task that is over is not mistaken for one of a later message.
type holder uint64

// finished is the holder of a message that was acknowledged.
const finished holder = 0

const (
	countBits      = 9
	mostDeliveries = 1<<countBits - 1
	countShift     = layout.IDBits
	tagShift       = countShift + countBits
)

func firstHolder(owner layout.ID, lap uint64) holder {
	return holder(lap<<tagShift | 1<<countShift | uint64(owner))
}

func (h holder) owner() layout.ID   { return layout.ID(h & (1<<layout.IDBits - 1)) }
func (h holder) deliveries() uint64 { return uint64(h>>countShift) & mostDeliveries }

// of returns the holder with another owner, or nobody.
func (h holder) of(owner layout.ID) holder { return h&^(1<<layout.IDBits-1) | holder(owner) }

// again returns the holder with one delivery more.
func (h holder) again() holder {
	if h.deliveries() == mostDeliveries {
		return h
	}
	return h + 1<<countShift
}

func (q *WorkQueue[T]) holder(pos uint64) holder {
	return holder(atomic.LoadUint64(&q.slots.value(pos).holder))
}

func (q *WorkQueue[T]) swapHolder(pos uint64, old, h holder) bool {
	return atomic.CompareAndSwapUint64(&q.slots.value(pos).holder, uint64(old), uint64(h))
}
