package ring

import "sync/atomic"

// JoinWaiting reports whether somebody who joins may be asleep.
func (q *WorkQueue[T]) JoinWaiting() bool { return q.joiners.Waiting() }

// Take is the first step of TryGet, of the first message.
func (q *WorkQueue[T]) Take() error {
	steps := q.maxSteps()
	pos, w, err := q.nextFull(atomic.LoadUint64(q.head), &steps)
	if err == nil {
		q.swap(pos, w, claimWord(reading, q.lap(pos), 1, q.core.ID()))
	}
	return err
}

// Claim is the first step of TryPut.
func (q *WorkQueue[T]) Claim() error {
	_, err := q.claim()
	return err
}

// AckHalf is the first step of Ack, and NackHalf that of Nack.
func (t Task[T]) AckHalf() bool  { return t.q.swapHolder(t.pos, t.h, finished) }
func (t Task[T]) NackHalf() bool { return t.q.giveBack(t) }

// BuryHalf does the first steps of the move of a dead letter: of a Nack, and of bury.
func (t Task[T]) BuryHalf(steps int) {
	q := t.q
	t.NackHalf()
	t, _ = q.takeFrom(t.pos, t.h.of(0))
	letter := q.newLetter()
	*q.letter(t.pos) = letter
	if steps < 2 {
		return
	}
	pos, _ := q.dead.claim()
	if steps < 3 {
		*q.dead.letter(pos) = letter // killed before it is published
		return
	}
	q.dead.publish(pos, *t.Value(), letter)
	if steps < 4 {
		return
	}
	*q.letter(t.pos) = letter | moved
	if steps < 5 {
		return
	}
	*q.dead.letter(pos) = 0
	q.dead.finished(pos)
	if steps < 6 {
		return
	}
	q.swapHolder(t.pos, t.h, finished)
}

// Figure is what idle compares, of a queue without a message.
func (q *WorkQueue[T]) Figure() uint64 {
	sum, ok := q.figures()
	if !ok {
		panic("there is a message")
	}
	return sum
}

// Finish is the second step of Ack.
func (t Task[T]) Finish() { t.q.finish(t.pos) }

// Mark is the first half of comeBack, and Marked reports whether it was done, and no consumer
// has looked since.
func (q *WorkQueue[T]) Mark()        { atomic.StoreUint32(q.lends, orphans) }
func (q *WorkQueue[T]) Marked() bool { return atomic.LoadUint32(q.lends) == orphans }

// RepairRoom is what a producer that waits does at each Slice.
func (q *WorkQueue[T]) RepairRoom() { q.repairRoom() }

// PushHint is the hint where to put.
func (q *WorkQueue[T]) PushHint() uint64 { return atomic.LoadUint64(q.tail) }
