package ring

import (
	"context"
	"iter"
	"sync/atomic"

	"github.com/isthmus-go/isthmus/internal/arch"
	"github.com/isthmus-go/isthmus/internal/layout"
	"github.com/isthmus-go/isthmus/internal/wait"
)

// TryPop returns the next message. If there is no message, it returns ErrEmpty;
// it returns ErrClosed if no message can come any more. For some tries, it may
// return ErrEmpty while a message waits that was lent to a process that has died.
func (q *MPMC[T]) TryPop() (v T, err error) {
	if q.orphaned() {
		if v, ok := q.redeliver(); ok {
			return v, q.check()
		}
	}
	head := atomic.LoadUint64(q.head)
	pos := q.pop.start(head)
	lap := q.lap(pos)
	// Where the walk starts is mostly where it ends.
	if w := q.load(pos); w.state() == fullWord(lap) {
		if q.pop.running(pos) {
			arch.PrefetchWrite(q.slots.word(pos + q.twoLines/2))
		}
		v = *q.slots.value(pos) // not ours yet: Invariant 5
		q.popped.Release()
		if q.swap(pos, w, freeWord(lap+1)) {
			q.advance(q.head, head, &q.pop, pos+1)
			q.pushed.Acquire()
			if !q.ringClosed() && q.quiet(&q.canPush) {
				return v, nil
			}
			q.wakeProducers(pos, 1)
			return v, q.check()
		}
		wait.Backoff()
	}
	return q.popSlow(head)
}

// popSlow is TryPop where a walk is needed.
func (q *MPMC[T]) popSlow(head uint64) (v T, err error) {
	q.join(&q.pop, layout.Consumer, q.head)
	pos := q.pop.start(head) // after join, whoever joins: newcomer is no position
	for steps := q.maxSteps(); ; {
		var w word
		if pos, w, err = q.nextFull(pos, &steps); err != nil {
			return q.notPopped(pos, w, err)
		}
		v = *q.slots.value(pos) // not ours yet: Invariant 5
		q.popped.Release()
		if q.swap(pos, w, freeWord(q.lap(pos)+1)) {
			return v, q.taken(head, pos, 1)
		}
		head, pos = q.lost(q.head, pos)
	}
}

// notPopped completes the error of a pop that came as far as pos. Now and then
// it looks whether a dead process is in the way, or has left a message behind.
func (q *MPMC[T]) notPopped(pos uint64, w word, err error) (v T, _ error) {
	err, look := q.notTaken(pos, w, err)
	if look {
		if m, ok := q.redeliver(); ok {
			v, err = m, nil
		}
	}
	return v, q.verdict(err)
}

// taken ends the taking of n messages from pos on, by a walk from head.
func (q *MPMC[T]) taken(head, pos, n uint64) error {
	q.advance(q.head, head, &q.pop, pos+n)
	q.pushed.Acquire()
	if !q.ringClosed() && q.quiet(&q.canPush) {
		return nil
	}
	q.wakeProducers(pos, n)
	return q.check()
}

// wakeProducers wakes a sleeper for each of the n slots freed from pos on. If
// the one after them was freed before, its wake may have found no room: then
// everybody is woken. In a closed ring consumers wait for the end.
func (q *MPMC[T]) wakeProducers(pos, n uint64) {
	if q.fence {
		arch.Fence()
	}
	if q.ringClosed() {
		q.canPop.Notify(wait.Everybody)
	}
	if q.load(pos+n).ahead(q.lap(pos+n)) > 0 {
		n = wait.Everybody
	}
	q.canPush.Notify(int(n))
}

// Pop returns the next message. It waits if there is no message. If ctx ends
// first, Pop returns an error that wraps the error of ctx. If the ring is closed
// and drained, Pop returns ErrClosed.
func (q *MPMC[T]) Pop(ctx context.Context) (v T, err error) {
	if !wait.Endless(ctx) {
		if err := q.begin(ctx); err != nil {
			return v, err
		}
	}
	if v, err = q.TryPop(); err != ErrEmpty {
		return v, err
	}
	if q.soon() {
		if v, err = q.TryPop(); err != ErrEmpty {
			return v, err
		}
	}
	err = q.awaitMessage(ctx,
		func() error { v, err = q.TryPop(); return err },
		func() (ok bool) { v, ok = q.redeliver(); return ok })
	return v, err
}

// soon pauses after a run of messages, and then looks for another for a moment. It
// reports whether something has changed.
func (q *MPMC[T]) soon() bool {
	q.pop.lull()
	pos := q.pop.start(atomic.LoadUint64(q.head))
	for range wait.Eager() {
		if q.load(pos).state() != freeWord(q.lap(pos)) {
			return true
		}
	}
	return false
}

// PopInto stores the next messages in dst and returns how many there were. It
// pops as many as there are, but at most len(dst). It waits for the first
// message. Without an error, the number is at least 1, unless dst is empty.
func (q *MPMC[T]) PopInto(ctx context.Context, dst []T) (n int, err error) {
	if err := q.begin(ctx); err != nil || len(dst) == 0 {
		return 0, q.verdict(err)
	}
	if n, err = q.popSome(dst); err != ErrEmpty {
		return allOrNone(n, err)
	}
	if q.soon() {
		if n, err = q.popSome(dst); err != ErrEmpty {
			return allOrNone(n, err)
		}
	}
	err = q.awaitMessage(ctx,
		func() error { n, err = q.popSome(dst); return err },
		func() bool {
			v, ok := q.redeliver()
			if ok {
				dst[0], n = v, 1
			}
			return ok
		})
	return allOrNone(n, err)
}

// popSome takes as many messages as there are in a row, at least one.
func (q *MPMC[T]) popSome(dst []T) (int, error) {
	q.join(&q.pop, layout.Consumer, q.head)
	if q.orphaned() {
		if v, ok := q.redeliver(); ok {
			dst[0] = v
			return 1, q.check()
		}
	}
	head := atomic.LoadUint64(q.head)
	pos := q.pop.start(head)
	for steps := q.maxSteps(); ; {
		next, w, err := q.nextFull(pos, &steps)
		if err != nil {
			v, err := q.notPopped(next, w, err)
			if err == nil {
				dst[0] = v
				return 1, nil
			}
			return 0, err
		}
		pos = next
		n := q.inRow(pos, w, uint64(len(dst)))
		q.copy(dst[:n], pos)
		q.popped.Release()
		if n == 1 && q.swap(pos, w, freeWord(q.lap(pos)+1)) {
			return 1, q.taken(head, pos, 1)
		}
		if n > 1 && q.swap(pos, w, claimWord(freeing, q.lap(pos), n, q.core.ID())) {
			q.free(pos, n)
			return int(n), q.taken(head, pos, n)
		}
		head, pos = q.lost(q.head, pos)
	}
}

// All returns an iterator over the messages, each with a nil error. The iterator
// ends after the last message of a closed ring. If it ends for another reason,
// such as the end of ctx or of the segment, it yields that error once, without a
// message.
func (q *MPMC[T]) All(ctx context.Context) iter.Seq2[T, error] { return all(ctx, q.Pop) }

// redeliver pops a message that was lent to a process now dead. It is rare, and would only
// make TryPop longer.
//
//go:noinline
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
