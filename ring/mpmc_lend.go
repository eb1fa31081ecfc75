package ring

import (
	"context"
	"sync/atomic"

	"github.com/isthmus-go/isthmus/internal/layout"
	"github.com/isthmus-go/isthmus/internal/wait"
)

// Reserved is a slot of an [MPMC] that is claimed and not yet published. The
// consumers cannot go past it before Commit or Cancel.
type Reserved[T any] struct {
	q   *MPMC[T]
	pos uint64
}

// TryReserve claims a slot. The caller fills its payload in place and publishes
// it by Commit. TryReserve returns ErrFull if there is no free slot. If this
// process dies before Commit, the consumers skip the slot.
func (q *MPMC[T]) TryReserve() (Reserved[T], error) {
	pos, _, err := q.claim(1)
	if err == nil {
		err = q.check()
	}
	return Reserved[T]{q, pos}, err
}

// Reserve claims a slot as TryReserve does, but waits if none is free.
func (q *MPMC[T]) Reserve(ctx context.Context) (r Reserved[T], err error) {
	if err := q.begin(ctx); err != nil {
		return r, err
	}
	if r, err = q.TryReserve(); err != ErrFull {
		return r, err
	}
	err = q.await(ctx, &q.canPush, ErrFull, func() error { r, err = q.TryReserve(); return err }, q.repairTail)
	return r, err
}

// Value returns the payload. Its initial content is unspecified. The pointer must
// not be used after Commit or Cancel, or after the Segment's Close.
func (r Reserved[T]) Value() *T { return r.q.slots.value(r.pos) }

// Commit publishes the message.
func (r Reserved[T]) Commit() error {
	if err := r.q.holds(r.pos, r.q.owned(writing, r.pos, 1)); err != nil {
		return err
	}
	return r.q.publish(r.pos)
}

// Cancel gives up the slot without a message.
func (r Reserved[T]) Cancel() error {
	q := r.q
	if err := q.holds(r.pos, q.owned(writing, r.pos, 1)); err != nil {
		return err
	}
	q.store(r.pos, freeWord(q.lap(r.pos)+1))
	q.wakeConsumers(r.pos+1, wait.Everybody)
	q.wakeProducers(r.pos, 1)
	return q.check()
}

// Lent is a message of an [MPMC] that is read in place.
type Lent[T any] struct {
	q          *MPMC[T]
	pos, count uint64
}

// TryNext lends the next message in place. If this process dies before Release,
// another consumer gets the message, out of order ([Lent.Deliveries] tells how often
// that has happened).
//
// A message that is lent keeps its slot. So a message that is held for a long time
// stops the ring once the others have gone round: with a capacity of 64, after 63 more
// messages. If the ring is closed, other consumers wait until the message is released
// or comes back.
//
// If there is no message, the error is ErrEmpty or ErrClosed. As with TryPop, the
// error may be ErrEmpty while a message waits that was lent to a dead process.
func (q *MPMC[T]) TryNext() (Lent[T], error) {
	q.lending()
	q.join(&q.pop, layout.Consumer, q.head)
	if q.orphaned() {
		if l, ok := q.relend(); ok {
			return l, q.check()
		}
	}
	head := atomic.LoadUint64(q.head)
	pos := q.pop.start(head)
	for steps := q.maxSteps(); ; {
		next, w, err := q.nextFull(pos, &steps)
		if err != nil {
			return q.notLent(next, w, err)
		}
		pos = next
		if q.swap(pos, w, claimWord(reading, q.lap(pos), 1, q.core.ID())) {
			q.advance(q.head, head, &q.pop, pos+1)
			q.pushed.Acquire()
			return Lent[T]{q, pos, 1}, q.check()
		}
	}
}

// notLent completes the error of a TryNext that came as far as pos.
func (q *MPMC[T]) notLent(pos uint64, w word, err error) (l Lent[T], _ error) {
	err, look := q.notTaken(pos, w, err)
	if look {
		if m, ok := q.relend(); ok {
			l, err = m, nil
		}
	}
	return l, q.verdict(err)
}

// Next lends the next message as TryNext does, but waits if there is none.
func (q *MPMC[T]) Next(ctx context.Context) (l Lent[T], err error) {
	if err := q.begin(ctx); err != nil {
		return l, err
	}
	if l, err = q.TryNext(); err != ErrEmpty {
		return l, err
	}
	err = q.awaitMessage(ctx,
		func() error { l, err = q.TryNext(); return err },
		func() (ok bool) { l, ok = q.relend(); return ok })
	return l, err
}

// Value returns the payload. The pointer must not be used after Release, or after
// the Segment's Close.
func (l Lent[T]) Value() *T { return l.q.slots.value(l.pos) }

// Deliveries returns how often this message was lent. It is 1 at first. It rises by
// one for each process that died before it released the message. So a program can
// recognize a message that kills each process that reads it, and set it aside.
// It is never more than 511.
func (l Lent[T]) Deliveries() int { return int(l.count) }

// Release removes the message from the ring.
func (l Lent[T]) Release() error {
	q := l.q
	if err := q.holds(l.pos, q.owned(reading, l.pos, l.count)); err != nil {
		return err
	}
	q.popped.Release()
	q.store(l.pos, freeWord(q.lap(l.pos)+1))
	q.wakeProducers(l.pos, 1)
	return q.check()
}

// relend lends a message that was lent to a process now dead. It is rare, and would only
// make TryNext longer.
//
//go:noinline
func (q *MPMC[T]) relend() (l Lent[T], ok bool) {
	ok = q.adopt(func(pos uint64, w word) bool {
		l = Lent[T]{q, pos, min(w.deliveries()+1, maxRun)}
		return q.swap(pos, w, claimWord(reading, q.lap(pos), l.count, q.core.ID()))
	})
	return l, ok
}
