package ring

import (
	"sync/atomic"

	"github.com/isthmus-go/isthmus/internal/layout"
	"github.com/isthmus-go/isthmus/internal/wait"
)

// repair finishes, or undoes, what a dead process has begun with the span at pos,
// whose word is w, in this lap or the one before (Invariant 6). It reports whether it
// has.
func (q *BytesMPMC) repair(pos uint64, w chunkWord) bool {
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
	for i := q.span(pos, w.run()) - 1; i > 0; i-- { // the first last: Invariant 4
		lap := q.lap(pos + i)
		q.swap(pos+i, freeChunk(lap), freeChunk(lap+1))
	}
	if !q.swap(pos, w, freeChunk(q.lap(pos)+1)) {
		return false
	}
	q.canPush.Notify(wait.Everybody)
	q.canPop.Notify(wait.Everybody)
	return true
}

// repairHead repairs what consumers wait for, and what comes to light then.
func (q *BytesMPMC) repairHead() {
	for steps := q.maxSteps(); ; {
		pos, w, err := q.nextFull(atomic.LoadUint64(q.head), &steps)
		if err != ErrEmpty || !q.repair(pos, w) {
			return
		}
	}
}

// repairTail repairs what the producer of a message of n bytes waits for, and what
// comes to light then.
func (q *BytesMPMC) repairTail(n int) {
	for steps := q.maxSteps(); ; {
		at, w, err := q.findRoom(atomic.LoadUint64(q.tail), runOf(uint64(n)), &steps)
		if err != ErrFull || !q.repair(at, w) {
			return
		}
	}
}

// orphaned reports whether consumers should look for orphans before all else,
// and is then false until a producer finds another.
func (q *BytesMPMC) orphaned() bool {
	return atomic.LoadUint32(q.lends) == orphans && atomic.CompareAndSwapUint32(q.lends, orphans, lent)
}

// anyLent reports whether a message is lent to somebody else.
func (q *BytesMPMC) anyLent() bool {
	return q.countLent(func(w chunkWord) bool { return w.owner() != q.core.ID() }) > 0
}

// countLent counts the chunks of messages that are lent, of those that count.
func (q *BytesMPMC) countLent(counts func(w chunkWord) bool) (n int64) {
	if atomic.LoadUint32(q.lends) == neverLent {
		return 0
	}
	for i := range q.capacity {
		if w := q.load(i); w.phase() == reading && counts(w) {
			n += int64(q.span(i, w.run()))
		}
	}
	return n
}

// adopt finds messages that were lent to a process now dead, until take has
// taken one, and reports whether it has.
func (q *BytesMPMC) adopt(take func(pos uint64, w chunkWord) bool) bool {
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

// redeliver pops a message that was lent to a process now dead, and appends it to dst.
func (q *BytesMPMC) redeliver(dst []byte) (longer []byte, ok bool) {
	ok = q.adopt(func(pos uint64, w chunkWord) bool {
		b, err := q.message(pos, w)
		if err != nil {
			return false
		}
		longer = append(dst, b...)
		q.popped.Release()
		if !q.take(pos, w) {
			return false
		}
		q.freed()
		return true
	})
	return longer, ok
}

// relend lends a message that was lent to a process now dead.
func (q *BytesMPMC) relend() (l LentBytes, ok bool) {
	ok = q.adopt(func(pos uint64, w chunkWord) bool {
		m, err := q.lend(pos, w)
		l = m
		return err == nil
	})
	return l, ok
}
