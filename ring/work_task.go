package ring

import "github.com/isthmus-go/isthmus/internal/wait"

// Task is a message of a [WorkQueue] that was delivered. It is held until Ack or Nack, by
// any goroutine of this process, or until the process ends or closes its Segment. Of several
// calls of Ack and Nack, exactly one succeeds. A task is not to be kept after that: once 32,768
// messages have been in the same slot since, it may be taken for that of a later one.
type Task[T any] struct {
	q   *WorkQueue[T]
	pos uint64
	h   holder
}

// Value returns the message. It lies in the queue: the next worker sees what is written
// there before a Nack or a death. The pointer must not be used after Ack or Nack, or
// after the Segment's Close.
func (t Task[T]) Value() *T { return &t.q.slots.value(t.pos).value }

// Deliveries returns how often the message was delivered, this time included. It rises by
// one with each Nack, and with each death of a process that held the message. It is never
// more than 1023.
func (t Task[T]) Deliveries() int { return int(t.h.deliveries()) }

// Ack removes the message from the queue: its work is done. Ack returns an error that wraps
// ErrNotReserved if the task is not held.
func (t Task[T]) Ack() error {
	q := t.q
	if err := q.check(); err != nil {
		return err
	}
	q.popped.Release()
	if !q.swapHolder(t.pos, t.h, finished) {
		return q.verdict(q.fault(ErrNotReserved))
	}
	return q.finished(t.pos)
}

// finished ends the life of the message at pos, which is acknowledged.
func (q *WorkQueue[T]) finished(pos uint64) error {
	q.finish(pos)
	if q.quiet(&q.canPush) && !q.joiners.Waiting() && !q.ringClosed() {
		return nil
	}
	q.madeRoom()
	if q.joiners.Waiting() && q.idle() {
		q.joiners.Notify(wait.Everybody)
	}
	if q.ringClosed() {
		q.canPop.Notify(wait.Everybody) // it may have been the last
	}
	return q.check()
}

// Nack gives the message back: it is delivered again, at once and before those that were
// not delivered yet. With [MaxDeliveries], the message becomes a dead letter instead if it
// was delivered often enough. Nack returns an error that wraps ErrNotReserved if the task
// is not held.
func (t Task[T]) Nack() error {
	q := t.q
	if err := q.check(); err != nil {
		return err
	}
	if !q.giveBack(t) {
		return q.verdict(q.fault(ErrNotReserved))
	}
	h := t.h.of(0)
	if !q.isLetter(h) {
		q.comeBack()
	} else if letter, ok := q.takeFrom(t.pos, h); ok { // or another moves it
		q.bury(letter)
	}
	return q.check()
}

// giveBack makes the message nobody's.
func (q *WorkQueue[T]) giveBack(t Task[T]) bool {
	q.pushed.Release()
	return q.swapHolder(t.pos, t.h, t.h.of(0))
}
