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
	if w.state() != freeWord(lap) || q.ringClosed() {
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
	return q.wakeConsumers(pos+1, 1)
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
	if q.ringClosed() {
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
		tail, pos = q.lost(q.tail, pos)
	}
}

// publish makes the message at pos, claimed alone, visible.
func (q *MPMC[T]) publish(pos uint64) error {
	q.pushed.Release()
	q.store(pos, fullWord(q.lap(pos)))
	return q.wakeConsumers(pos+1, 1)
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
	return int(run), q.wakeConsumers(pos+run, run)
}

// repairTail repairs what producers wait for, and what comes to light then.
func (q *MPMC[T]) repairTail() {
	for steps := q.maxSteps(); ; steps-- {
		pos, w, err := q.nextFree(atomic.LoadUint64(q.tail), &steps)
		if err != ErrFull || !q.repair(pos, w) || steps == 0 {
			return
		}
	}
}
