package ring

import (
	"context"
	"errors"
	"sync/atomic"

	"github.com/isthmus-go/isthmus/internal/layout"
)

// LentBytes is a message of a [BytesMPMC] that is read in place.
type LentBytes struct {
	q     *BytesMPMC
	pos   uint64
	run   run
	bytes []byte
	count uint64 // of deliveries
}

// TryNext lends the next message in place. Release it before the next call of
// TryNext or Next: if the ring is closed, other consumers wait until the message
// is released or comes back. If this process dies before Release, another
// consumer gets the message, out of order. If there is no message, the error is
// ErrEmpty or ErrClosed. As with TryPop, the error may be ErrEmpty while a
// message waits that was lent to a dead process.
func (q *BytesMPMC) TryNext() (LentBytes, error) {
	q.lending()
	if q.orphaned() {
		if l, ok := q.relend(); ok {
			return l, q.check()
		}
	}
	q.join(&q.pop, layout.Consumer, q.head)
	head := atomic.LoadUint64(q.head)
	pos := q.pop.start(head)
	for steps := q.maxSteps(); ; {
		next, w, err := q.nextFull(pos, &steps)
		if err != nil {
			return q.notLent(next, w, err)
		}
		pos = next
		l, err := q.lend(pos, w)
		if err == nil {
			q.advance(q.head, head, &q.pop, pos+q.span(pos, l.run))
			q.pushed.Acquire()
			return l, q.check()
		}
		if q.load(pos) == w {
			return LentBytes{}, q.verdict(err)
		}
	}
}

// errMoved says that a message is not where it was seen any more.
var errMoved = errors.New("message was taken")

// lend takes the message at pos, whose word is w, in this process's name.
func (q *BytesMPMC) lend(pos uint64, w word) (LentBytes, error) {
	b, err := q.message(pos, w)
	if err != nil {
		return LentBytes{}, err
	}
	if !q.swap(pos, w, q.owned(reading, pos, uint64(w.chunkRun()))) {
		return LentBytes{}, errMoved
	}
	return LentBytes{q, pos, w.chunkRun(), b, q.countDelivery(pos, w.phase() == reading)}, nil
}

// countDelivery counts that the message at pos is lent, again or not, and returns how often it
// was. Who dies before the store has not seen the message.
func (q *BytesMPMC) countDelivery(pos uint64, again bool) uint64 {
	deliveries := layout.At[uint64](q.deliveries, q.index(pos)*wordSize)
	lap, count := q.lap(pos)<<deliveriesShift, uint64(1)
	if d := atomic.LoadUint64(deliveries); again && d>>deliveriesShift == lap>>deliveriesShift {
		count = min(d&(1<<deliveriesShift-1)+1, maxDeliveries)
	}
	atomic.StoreUint64(deliveries, lap|count)
	return count
}

// notLent completes the error of a TryNext that came as far as pos.
func (q *BytesMPMC) notLent(pos uint64, w word, err error) (l LentBytes, _ error) {
	err, look := q.notTaken(pos, w, err)
	if look {
		if m, ok := q.relend(); ok {
			l, err = m, nil
		}
	}
	return l, q.verdict(err)
}

// Next lends the next message as TryNext does, but waits if there is none.
func (q *BytesMPMC) Next(ctx context.Context) (l LentBytes, err error) {
	if err := q.begin(ctx); err != nil {
		return l, err
	}
	if l, err = q.TryNext(); err != ErrEmpty {
		return l, err
	}
	q.pop.lull()
	err = q.awaitMessage(ctx,
		func() error { l, err = q.TryNext(); return err },
		func() (ok bool) { l, ok = q.relend(); return ok })
	return l, err
}

// Bytes returns the message. The bytes must not be used after Release, or after
// the Segment's Close.
func (l LentBytes) Bytes() []byte { return l.bytes }

// Deliveries returns how often this message was lent. It is 1 at first. It rises by
// one for each process that died before it released the message. So a program can
// recognize a message that kills each process that reads it, and set it aside.
func (l LentBytes) Deliveries() int { return int(l.count) }

// Release removes the message from the ring.
func (l LentBytes) Release() error {
	q := l.q
	w := q.owned(reading, l.pos, uint64(l.run))
	if err := q.holds(l.pos, w); err != nil {
		return err
	}
	q.popped.Release()
	if !q.take(l.pos, w, l.run) {
		return q.verdict(q.fault(ErrNotReserved))
	}
	return q.freed()
}

// relend lends a message that was lent to a process now dead.
func (q *BytesMPMC) relend() (l LentBytes, ok bool) {
	ok = q.adopt(func(pos uint64, w word) bool {
		m, err := q.lend(pos, w)
		l = m
		return err == nil
	})
	return l, ok
}
