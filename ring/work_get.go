package ring

import (
	"context"
	"iter"
	"sync/atomic"

	"github.com/isthmus-go/isthmus/internal/arch"
	"github.com/isthmus-go/isthmus/internal/layout"
	"github.com/isthmus-go/isthmus/internal/wait"
)

// TryGet delivers the next message. If there is none, it returns ErrEmpty; it returns
// ErrClosed if no message can come any more. It may return ErrEmpty although a message came back
// if another TryGet or Get is just looking for it; and, for some tries, while a message waits
// that a process which has died has held.
func (q *WorkQueue[T]) TryGet() (Task[T], error) {
	q.join(&q.pop, layout.Consumer, q.head)
	if q.orphaned() {
		if t, ok := q.takeOver(); ok {
			q.comeBack() // there may be more
			return t, q.check()
		}
	}
	head := atomic.LoadUint64(q.head)
	pos := q.pop.start(head)
	for steps := q.maxSteps(); ; {
		next, w, err := q.nextFull(pos, &steps)
		if err != nil {
			return q.notDelivered(next, w, err)
		}
		pos = next
		if q.swap(pos, w, claimWord(reading, q.lap(pos), 1, q.core.ID())) {
			q.advance(q.head, head, &q.pop, pos+1)
			return q.hold(pos), q.check()
		}
		wait.Backoff()
	}
}

// hold delivers the message at pos, which this process has taken.
func (q *WorkQueue[T]) hold(pos uint64) Task[T] {
	q.pushed.Acquire()
	h := newHolder(q.lap(pos)).of(q.core.ID()).again()
	arch.StoreRelease64(&q.slots.value(pos).holder, uint64(h))
	q.store(pos, heldWord(q.lap(pos)))
	if !q.quiet(&q.canPush) {
		q.madeRoom() // who came by in between could not pass
	}
	return Task[T]{q, pos, h}
}

// notDelivered completes the error of a TryGet that came as far as pos.
func (q *WorkQueue[T]) notDelivered(pos uint64, w word, err error) (t Task[T], _ error) {
	err, look := q.notTaken(pos, w, err)
	if err == ErrClosed && !q.idle() {
		err, look = ErrEmpty, true // one may yet come back
	}
	if look {
		if m, ok := q.takeOver(); ok {
			t, err = m, nil
		}
	}
	return t, q.verdict(err)
}

// Get delivers the next message. It waits if there is none. If ctx ends first, Get
// returns an error that wraps the error of ctx. If the queue is closed, and all messages
// are acknowledged, Get returns ErrClosed. (So who holds a message itself waits for that,
// too.)
func (q *WorkQueue[T]) Get(ctx context.Context) (t Task[T], err error) {
	if !wait.Endless(ctx) {
		if err := q.begin(ctx); err != nil {
			return t, err
		}
	}
	if t, err = q.TryGet(); err != ErrEmpty {
		return t, err
	}
	q.pop.lull()
	err = q.awaitMessage(ctx,
		func() error { t, err = q.TryGet(); return err },
		func() (ok bool) { t, ok = q.takeOver(); return ok })
	return t, err
}

// All returns an iterator over the tasks, each with a nil error. The loop has to Ack, or
// Nack, each of them. The iterator ends after the last message of a closed queue is
// acknowledged. If it ends for another reason, such as the end of ctx or of the segment, it
// yields that error once, without a task.
func (q *WorkQueue[T]) All(ctx context.Context) iter.Seq2[Task[T], error] { return all(ctx, q.Get) }

// comeBack tells consumers that a message came back, or that its holder is dead.
func (q *WorkQueue[T]) comeBack() {
	atomic.StoreUint32(q.lends, orphans)
	q.canPop.Notify(wait.Everybody)
}

// takeOver delivers a message that came back, or whose holder is dead. It is rare, and
// would only make TryGet longer.
//
//go:noinline
func (q *WorkQueue[T]) takeOver() (t Task[T], ok bool) {
	q.join(&q.pop, layout.Consumer, q.head)
	var alive layout.ID
	stuck := false // a dead letter, and so all
	from := q.resume.Load()
	for n := range q.capacity {
		i := (from + n) & (q.capacity - 1)
		h := q.holder(i)
		switch w := q.load(i); {
		case w.phase() == held && h == finished:
			q.finish(i)
		case w.phase() == held && !(stuck && q.isLetter(h)) && q.gone(h.owner(), &alive):
			if t, ok = q.takeFrom(i, h); ok && q.isLetter(h) {
				stuck = !q.bury(t)
			} else if ok {
				q.resume.Store(i + 1)
				return t, true
			}
		case w.phase() == reading && q.gone(w.owner(), &alive):
			lap := q.lap(q.surelyTaken())
			lap += uint64(w.ahead(lap)) // MPMC, Invariant 8
			if q.swap(i, w, claimWord(reading, lap, 1, q.core.ID())) {
				q.repaired()
				return q.hold(lap<<q.lapShift | i), true
			}
		}
	}
	return Task[T]{}, false
}

// gone reports whether a holder is nobody, or dead. It keeps who was found alive, and does not
// ask again.
func (q *WorkQueue[T]) gone(id layout.ID, alive *layout.ID) bool {
	if id == *alive && id != 0 || id != 0 && !q.core.Dead(id) {
		*alive = id
		return false
	}
	return true
}

// takeFrom takes the message at pos from a holder that is nobody, or dead.
func (q *WorkQueue[T]) takeFrom(pos uint64, h holder) (t Task[T], ok bool) {
	if q.load(pos).phase() != held { // of the dead, who changes it no more: Invariant 2
		return t, false
	}
	t = Task[T]{q, pos, h.of(q.core.ID()).again()}
	ok = q.swapHolder(pos, h, t.h)
	if ok && h.owner() != 0 {
		q.repaired()
	}
	q.pushed.Acquire()
	return t, ok
}

// isLetter reports whether a message is a dead letter when it comes back.
func (q *WorkQueue[T]) isLetter(h holder) bool { return q.most > 0 && h.deliveries() >= q.most }

// othersHold reports whether other processes hold messages.
func (q *WorkQueue[T]) othersHold() bool {
	me := q.core.ID()
	return q.count(func(w word, h holder) bool {
		return w.phase() == reading && w.owner() != me || w.phase() == held && h != finished && h.owner() != me
	}) > 0
}
