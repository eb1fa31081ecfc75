package ring

import (
	"sync/atomic"

	"github.com/isthmus-go/isthmus/internal/layout"
	"github.com/isthmus-go/isthmus/internal/wait"
)

// lookEvery is how many failed tries go by between two looks for the dead.
const lookEvery = 64

// repair finishes, or undoes, what a dead process has begun in the slot of pos,
// whose word is w, in this lap or the one before (Invariant 6). It reports
// whether it has.
func (q *MPMC[T]) repair(pos uint64, w word) bool {
	if !w.claimed() || !q.core.Dead(w.owner()) {
		return false
	}
	// Before it died it may have published, and gone on for any number of laps.
	// Now nothing but repair comes after w.
	if q.load(pos) != w || int64(q.surelyTaken()-pos) > 0 {
		return false
	}
	switch w.ahead(q.lap(pos)) {
	case 0:
	case -1:
		pos -= q.capacity
	default:
		return false
	}
	if w.phase() == reading {
		atomic.StoreUint32(q.lends, orphans)
		q.canPop.Notify(wait.Everybody)
		return false
	}
	for i := min(w.run(), q.capacity) - 1; i > 0; i-- {
		q.repairSlot(pos+i, w.phase())
	}
	if !q.swap(pos, w, freeWord(q.lap(pos)+1)) {
		return false
	}
	q.canPush.Notify(wait.Everybody)
	q.canPop.Notify(wait.Everybody)
	return true
}

// repairSlot repairs a slot of a run behind its first, which was in the given phase.
func (q *MPMC[T]) repairSlot(pos, phase uint64) {
	w, lap := q.load(pos), q.lap(pos)
	if w.state() == fullWord(lap) || phase == writing && w.state() == freeWord(lap) {
		q.swap(pos, w, freeWord(lap+1))
	}
}

// repairHead repairs what consumers wait for, and what comes to light then.
func (q *MPMC[T]) repairHead() {
	for steps := q.maxSteps(); ; {
		pos, w, err := q.nextFull(atomic.LoadUint64(q.head), &steps)
		if err != ErrEmpty || !q.repair(pos, w) {
			return
		}
	}
}

// repairTail repairs what producers wait for, and what comes to light then.
func (q *MPMC[T]) repairTail() {
	for steps := q.maxSteps(); ; {
		pos, w, err := q.nextFree(atomic.LoadUint64(q.tail), &steps)
		if err != ErrFull || !q.repair(pos, w) {
			return
		}
	}
}

// Values of the lends word: no message was ever lent; some were; and one of them
// is in a producer's way, and its reader dead.
const (
	neverLent = iota
	lent
	orphans
)

// orphaned reports whether consumers should look for orphans before all else,
// and is then false until a producer finds another.
func (q *MPMC[T]) orphaned() bool {
	return atomic.LoadUint32(q.lends) == orphans && atomic.CompareAndSwapUint32(q.lends, orphans, lent)
}

// anyLent reports whether a message is lent to somebody else.
func (q *MPMC[T]) anyLent() bool {
	return q.countLent(func(w word) bool { return w.owner() != q.core.ID() }) > 0
}

// countLent counts the messages that are lent, of those that count.
func (q *MPMC[T]) countLent(counts func(w word) bool) (n int64) {
	if atomic.LoadUint32(q.lends) == neverLent {
		return 0
	}
	for i := range q.capacity {
		if w := q.load(i); w.phase() == reading && counts(w) {
			n++
		}
	}
	return n
}

// adopt finds messages that were lent to a process now dead, until take has
// taken one, and reports whether it has.
func (q *MPMC[T]) adopt(take func(pos uint64, w word) bool) bool {
	if atomic.LoadUint32(q.lends) == neverLent {
		return false
	}
	q.join(&q.pop, layout.Consumer, q.head)
	for i := range q.capacity {
		w := q.load(i)
		if w.phase() != reading || !q.core.Dead(w.owner()) {
			continue
		}
		lap := q.lap(q.surelyTaken())
		lap += uint64(w.ahead(lap)) // Invariant 8
		if take(lap<<q.lapShift|i, w) {
			q.pushed.Acquire()
			return true
		}
	}
	return false
}

// redeliver pops a message that was lent to a process now dead.
func (q *MPMC[T]) redeliver() (v T, ok bool) {
	ok = q.adopt(func(pos uint64, w word) bool {
		m := *q.slots.value(pos)
		q.popped.Release()
		if !q.swap(pos, w, freeWord(q.lap(pos)+1)) {
			return false
		}
		v = m
		q.wakeProducers(pos, wait.Everybody)
		return true
	})
	return v, ok
}

// relend lends a message that was lent to a process now dead.
func (q *MPMC[T]) relend() (l Lent[T], ok bool) {
	ok = q.adopt(func(pos uint64, w word) bool {
		l = Lent[T]{q, pos, min(w.deliveries()+1, maxRun)}
		return q.swap(pos, w, claimWord(reading, q.lap(pos), l.count, q.core.ID()))
	})
	return l, ok
}
