package ring

import (
	"sync/atomic"

	"github.com/isthmus-go/isthmus/internal/wait"
)

// lookEvery is how many failed tries go by between two looks for the dead.
const lookEvery = 64

// repair finishes, or undoes, what a dead process has begun in the slot of pos,
// whose word is w, in this lap or the one before (Invariant 6).
func (q *MPMC[T]) repair(pos uint64, w word) {
	if !w.claimed() || w.phase() == reading || !q.core.Dead(w.owner()) {
		return
	}
	switch w.ahead(q.lap(pos)) {
	case 0:
	case -1:
		pos -= q.capacity
	default:
		return
	}
	for i := min(w.run(), q.capacity) - 1; i > 0; i-- {
		lap := q.lap(pos + i)
		if !q.swap(pos+i, fullWord(lap), freeWord(lap+1)) && w.phase() == writing {
			q.swap(pos+i, freeWord(lap), freeWord(lap+1))
		}
	}
	if q.swap(pos, w, freeWord(q.lap(pos)+1)) {
		q.canPush.Notify(wait.Everybody)
		q.canPop.Notify(wait.Everybody)
	}
}

// repairHead repairs the position that consumers wait for.
func (q *MPMC[T]) repairHead() {
	steps := q.maxSteps()
	if pos, w, err := q.nextFull(atomic.LoadUint64(q.head), &steps); err == ErrEmpty {
		q.repair(pos, w)
	}
}

// repairTail repairs the position that producers wait for.
func (q *MPMC[T]) repairTail() {
	steps := q.maxSteps()
	if pos, w, err := q.nextFree(atomic.LoadUint64(q.tail), &steps); err == ErrFull {
		q.repair(pos, w)
	}
}

// orphan finds a message that was lent to a process now dead.
func (q *MPMC[T]) orphan() (pos uint64, w word, ok bool) {
	if atomic.LoadUint32(q.lends) == 0 {
		return 0, 0, false
	}
	around := q.lap(atomic.LoadUint64(q.head))
	for i := range q.capacity {
		if w := q.load(i); w.phase() == reading && q.core.Dead(w.owner()) {
			return (around+uint64(w.ahead(around)))<<q.lapShift | i, w, true
		}
	}
	return 0, 0, false
}

// redeliver pops a message that was lent to a process now dead.
func (q *MPMC[T]) redeliver() (v T, ok bool) {
	pos, w, ok := q.orphan()
	if !ok {
		return v, false
	}
	v = *q.slots.value(pos)
	if !q.swap(pos, w, freeWord(q.lap(pos)+1)) {
		var zero T
		return zero, false
	}
	q.pushed.Acquire()
	q.canPush.Notify(wait.Everybody)
	return v, true
}

// relend lends a message that was lent to a process now dead.
func (q *MPMC[T]) relend() (Lent[T], bool) {
	pos, w, ok := q.orphan()
	if !ok || !q.swap(pos, w, claimWord(reading, q.lap(pos), 1, q.core.ID())) {
		return Lent[T]{}, false
	}
	q.pushed.Acquire()
	return Lent[T]{q, pos}, true
}
