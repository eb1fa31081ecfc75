package ring

import (
	"context"
	"sync/atomic"

	"github.com/isthmus-go/isthmus/internal/arch"
	"github.com/isthmus-go/isthmus/internal/layout"
	"github.com/isthmus-go/isthmus/internal/wait"
)

// TryPush pushes v if there is space. It returns ErrFull if there is none. After
// a process has died in the middle of PopInto, or with a message that Next lent
// to it, TryPush may also return ErrFull for some tries.
func (q *MPMC[T]) TryPush(v T) error {
	tail := atomic.LoadUint64(q.tail)
	pos := q.push.start(tail)
	lap := q.lap(pos)
	// Where the walk starts is mostly where it ends.
	w := q.load(pos)
	if w.state() != freeWord(lap) || q.isClosed() {
		return q.pushSlow(v)
	}
	if !q.swap(pos, w, claimWord(writing, lap, 1, q.core.ID())) {
		wait.Backoff()
		return q.pushSlow(v)
	}
	if q.push.alone(pos) {
		arch.PrefetchWrite(q.slots.word(pos + q.twoLines))
	}
	q.advance(q.tail, tail, &q.push, pos+1)
	q.popped.Acquire()
	*q.slots.value(pos) = v
	q.pushed.Release()
	q.store(pos, fullWord(lap))
	if q.quiet(&q.canPop) {
		return nil
	}
	return q.wakeConsumers(pos, 1)
}

// pushSlow is TryPush where a walk is needed.
func (q *MPMC[T]) pushSlow(v T) error {
	pos, _, err := q.claim(1)
	if err != nil {
		return err
	}
	*q.slots.value(pos) = v
	return q.publish(pos)
}

// claim claims the next free position for writing, and up to most-1 after it.
func (q *MPMC[T]) claim(most uint64) (pos, run uint64, err error) {
	q.join(&q.push, layout.Producer, q.tail)
	tail := atomic.LoadUint64(q.tail)
	pos = q.push.start(tail)
	if q.isClosed() {
		return 0, 0, q.verdict(ErrClosed)
	}
	for steps := q.maxSteps(); ; {
		var w word
		if pos, w, err = q.nextFree(pos, &steps); err != nil {
			return 0, 0, q.notPushed(pos, w, err)
		}
		run = q.inRow(pos, w, most)
		if q.swap(pos, w, claimWord(writing, q.lap(pos), run, q.core.ID())) {
			q.advance(q.tail, tail, &q.push, pos+run)
			q.popped.Acquire()
			return pos, run, nil
		}
		wait.Backoff()
	}
}

// nextFree walks from pos to the first position that is not claimed, and
// returns it if its slot is free.
func (q *MPMC[T]) nextFree(pos uint64, steps *uint64) (uint64, word, error) {
	for ; *steps > 0; *steps-- {
		w := q.load(pos)
		ahead := w.ahead(q.lap(pos))
		switch {
		case ahead == 0 && w.phase() == free:
			*steps--
			return pos, w, nil
		case ahead >= 0 && w.phase() == closed:
			return pos, w, ErrClosed
		case ahead > 0 && w.phase() == free:
			pos += uint64(ahead-1)*q.capacity + 1
		case ahead >= 0:
			pos += uint64(ahead)*q.capacity + w.run()
		default:
			// The lap before is still there: full, unless the hint has
			// moved on while this walk was paused.
			tail := atomic.LoadUint64(q.tail)
			if int64(tail-pos) <= 0 {
				return pos, w, ErrFull
			}
			pos = tail
		}
	}
	return pos, 0, ErrFull
}

// notPushed completes the error of a claim that came as far as pos. Now and
// then it looks whether a dead process is in the way.
func (q *MPMC[T]) notPushed(pos uint64, w word, err error) error {
	if err == ErrFull && q.attempts.Add(1)%lookEvery == 0 {
		q.repair(pos, w)
	}
	return q.verdict(err)
}

// publish makes the message at pos, claimed alone, visible.
func (q *MPMC[T]) publish(pos uint64) error {
	q.pushed.Release()
	q.store(pos, fullWord(q.lap(pos)))
	return q.wakeConsumers(pos, 1)
}

// wakeConsumers wakes a sleeper for each of the n messages published from pos
// on. If the position after them was claimed, it may have been published first,
// and its wake have found nothing to take: then everybody is woken, and so if
// the ring is closed, since those who get nothing have to be told. It returns an
// error if the segment is closed.
func (q *MPMC[T]) wakeConsumers(pos, n uint64) error {
	if q.quiet(&q.canPop) {
		return nil
	}
	if q.fence {
		arch.Fence()
	}
	if q.isClosed() || q.load(pos+n).state() != freeWord(q.lap(pos+n)) {
		n = wait.Everybody
	}
	q.canPop.Notify(int(n))
	return q.open()
}

// Push pushes v. It waits if there is no space. If ctx ends first, Push returns
// an error that wraps the error of ctx, and pushes nothing.
func (q *MPMC[T]) Push(ctx context.Context, v T) error {
	if !wait.Endless(ctx) {
		if err := q.begin(ctx); err != nil {
			return err
		}
	}
	if err := q.TryPush(v); err != ErrFull {
		return err
	}
	q.push.lull()
	return q.await(ctx, &q.canPush, ErrFull, func() error { return q.TryPush(v) }, q.repairTail)
}

// PushAll pushes all messages in vs, in order. It waits if there is no space.
// Messages of other producers may come between them. PushAll returns how many
// messages it pushed. It pushes fewer than len(vs) only if it returns an error,
// such as that of ctx or ErrClosed.
func (q *MPMC[T]) PushAll(ctx context.Context, vs []T) (n int, err error) {
	if err := q.begin(ctx); err != nil || len(vs) == 0 {
		return 0, q.verdict(err)
	}
	for n < len(vs) {
		k, err := q.pushSome(vs[n:])
		if err == ErrFull {
			q.push.lull()
			err = q.await(ctx, &q.canPush, ErrFull, func() error {
				k, err = q.pushSome(vs[n:])
				return err
			}, q.repairTail)
		}
		if err != nil {
			return n, err
		}
		n += k
	}
	return n, nil
}

// pushSome pushes as many of vs as one claim gets, at least one.
func (q *MPMC[T]) pushSome(vs []T) (int, error) {
	pos, run, err := q.claim(uint64(len(vs)))
	if err != nil {
		return 0, err
	}
	q.pushed.Release()
	q.fill(pos, vs[:run])
	return int(run), q.wakeConsumers(pos, run)
}
