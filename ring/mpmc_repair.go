package ring

import (
	"context"
	"sync/atomic"

	"github.com/isthmus-go/isthmus/internal/layout"
	"github.com/isthmus-go/isthmus/internal/wait"
)

// lookEvery is how many failed tries go by between two looks for the dead.
const lookEvery = 64

// repair finishes, or undoes, what a dead process has begun at pos, whose word is w, in
// this lap or the one before (Invariant 6). It reports whether it has.
func (q *track) repair(pos uint64, w word) bool {
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
		if q.untaken != nil {
			return q.untaken(pos, w)
		}
		atomic.StoreUint32(q.lends, orphans)
		q.canPop.Notify(wait.Everybody)
		return false
	}
	for i := q.covers(pos, w) - 1; i > 0; i-- { // the first last: Invariant 4
		q.repairOther(pos + i)
	}
	if !q.swap(pos, w, freeWord(q.lap(pos)+1)) {
		return false
	}
	q.repaired()
	q.canPush.Notify(wait.Everybody)
	q.canPop.Notify(wait.Everybody)
	return true
}

// repairOther frees a position that the word of another speaks for: it is full, or free in
// its own lap, unless it is freed already.
func (q *track) repairOther(pos uint64) {
	lap := q.lap(pos)
	w := q.load(pos)
	if (w.phase() == full || w.phase() == free) && w.ahead(lap) == 0 {
		q.swap(pos, w, freeWord(lap+1))
	}
}

// repairHead repairs what consumers wait for, and what comes to light then.
func (q *track) repairHead() {
	for steps := q.maxSteps(); ; steps-- {
		pos, w, err := q.nextFull(atomic.LoadUint64(q.head), &steps)
		if err != ErrEmpty || !q.repair(pos, w) || steps == 0 {
			return
		}
	}
}

// notPushed completes the error of a claim that found w in its way at pos. Now and then
// it looks whether that is of a dead process.
func (q *track) notPushed(pos uint64, w word, err error) error {
	if err == ErrFull && q.pushTries.Add(1)%lookEvery == 0 {
		q.repair(pos, w)
	}
	return q.verdict(err)
}

// notTaken completes the error of a walk that came as far as pos, and says
// whether it is time to look for messages that the dead have left behind.
func (q *track) notTaken(pos uint64, w word, err error) (_ error, look bool) {
	switch {
	case err == ErrCorrupt:
		return q.fault(err), false
	case err == ErrClosed && q.anyLent():
		return ErrEmpty, true // it may yet come back
	case err == ErrEmpty && q.popTries.Add(1)%lookEvery != 0:
		return err, false
	}
	q.repair(pos, w)
	return err, true
}

// awaitMessage waits until try has got a message, or found one that the dead have left.
func (q *track) awaitMessage(ctx context.Context, try func() error, find func() bool) error {
	found := false
	return q.await(ctx, &q.canPop, ErrEmpty,
		func() error { return q.orFound(&found, try) },
		func() { q.repairHead(); found = find() })
}

// orFound is try, unless a message was found.
func (q *track) orFound(found *bool, try func() error) error {
	if *found {
		*found = false
		return q.check()
	}
	return try()
}

// Values of the lends word: no message was ever lent; some were; and one of them
// is in a producer's way, and its reader dead.
const (
	neverLent = iota
	everLent
	orphans
)

// lending notes that a message is to be lent.
func (q *track) lending() {
	if atomic.LoadUint32(q.lends) == neverLent {
		atomic.CompareAndSwapUint32(q.lends, neverLent, everLent)
	}
}

// orphaned reports whether consumers should look for orphans before all else,
// and is then false until a producer finds another.
func (q *track) orphaned() bool {
	return atomic.LoadUint32(q.lends) == orphans && atomic.CompareAndSwapUint32(q.lends, orphans, everLent)
}

// anyLent reports whether a message is lent to somebody else.
func (q *track) anyLent() bool {
	return q.countLent(q.core.ID()) > 0
}

// countLent counts the positions of messages that are lent, but not to one process.
func (q *track) countLent(but layout.ID) (n int64) {
	if atomic.LoadUint32(q.lends) == neverLent {
		return 0
	}
	for i := range q.capacity {
		if w := q.load(i); w.phase() == reading && w.owner() != but {
			n += int64(q.covers(i, w))
		}
	}
	return n
}

// adopt finds messages that were lent to a process now dead, until take has
// taken one, and reports whether it has.
func (q *track) adopt(take func(pos uint64, w word) bool) bool {
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
			q.repaired()
			q.pushed.Acquire()
			return true
		}
	}
	return false
}
