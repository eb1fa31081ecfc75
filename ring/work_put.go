package ring

import (
	"context"
	"sync/atomic"

	"github.com/isthmus-go/isthmus/internal/arch"
	"github.com/isthmus-go/isthmus/internal/layout"
	"github.com/isthmus-go/isthmus/internal/wait"
)

// TryPut puts v into the queue if there is space. It returns ErrFull if there is none.
//
// The room of a message that was acknowledged may lie behind others that still wait to be
// delivered, namely if messages were put since, while it was held. It is of use when these
// are delivered: until then TryPut may return ErrFull, and Put wait, although Len and
// InFlight together are less than Cap.
func (q *WorkQueue[T]) TryPut(v T) error {
	pos, err := q.claim()
	if err != nil {
		return err
	}
	return q.publish(pos, v, 0)
}

// Put puts v into the queue. It waits if there is no space. If ctx ends first, Put
// returns an error that wraps the error of ctx, and puts nothing.
func (q *WorkQueue[T]) Put(ctx context.Context, v T) error {
	if !wait.Endless(ctx) {
		if err := q.begin(ctx); err != nil {
			return err
		}
	}
	if err := q.TryPut(v); err != ErrFull {
		return err
	}
	q.push.lull()
	return q.await(ctx, &q.canPush, ErrFull, func() error { return q.TryPut(v) }, q.repairRoom)
}

// claim claims the next free position for writing.
func (q *WorkQueue[T]) claim() (pos uint64, err error) {
	q.join(&q.push, layout.Producer, q.tail)
	tail := atomic.LoadUint64(q.tail)
	pos = q.push.start(tail)
	if q.ringClosed() {
		return 0, q.verdict(ErrClosed)
	}
	for steps := q.maxSteps(); ; {
		var w word
		if pos, w, err = q.nextRoom(pos, &steps); err != nil {
			return 0, q.notPushed(pos, w, err)
		}
		if q.swap(pos, w, claimWord(writing, q.lap(pos), 1, q.core.ID())) {
			q.advance(q.tail, tail, &q.push, pos+1)
			q.popped.Acquire()
			return pos, nil
		}
		wait.Backoff()
	}
}

// publish makes v visible at pos, which is claimed.
func (q *WorkQueue[T]) publish(pos uint64, v T, letter uint64) error {
	e := q.slots.value(pos)
	atomic.StoreUint64(&e.letter, letter)
	e.value = v
	q.pushed.Release()
	q.store(pos, fullWord(q.lap(pos)))
	if q.quiet(&q.canPop) {
		return nil
	}
	return q.wakeConsumers(pos+1, 1)
}

// nextRoom is nextFree, which passes over what is held. With ErrFull, it returns what is in the
// way: that may lie behind what is held.
func (q *WorkQueue[T]) nextRoom(pos uint64, steps *uint64) (uint64, word, error) {
	room := pos // all from pos up to there are held, or were
	var alive layout.ID
	for {
		next, w, err := q.nextFree(pos, steps)
		if err != ErrFull || w.phase() != held || w.ahead(q.lap(next)) != -1 {
			return next, w, err
		}
		if !q.finish(next) {
			if int64(room-next) <= 0 {
				var ok bool
				if room, w, ok = q.roomBehind(next, w); !ok {
					return room, w, err
				}
			}
			q.pass(next, &alive)
		}
		pos = next
		*steps--
	}
}

// pass passes over the held message that is in the way at pos. Now and then it asks whether
// somebody has to be told that the message comes again.
func (q *WorkQueue[T]) pass(pos uint64, alive *layout.ID) {
	w := q.load(pos)
	if w != heldWord(q.lap(pos)-1) {
		return // another has passed it, or it is free
	}
	if q.lap(pos)%max(1, lookEvery/q.capacity) == 0 { // once in lookEvery positions, or a lap
		if h := q.holder(pos); h != finished && q.gone(h.owner(), alive) && !(h.owner() == 0 && q.isLetter(h)) {
			q.comeBack()
		}
	}
	q.swap(pos, w, heldWord(q.lap(pos)))
}

// roomBehind returns the first position behind pos, whose word is w and held, that may be
// claimed, or was meanwhile. If none can be before another is out of the way, it returns that.
func (q *WorkQueue[T]) roomBehind(pos uint64, w word) (at uint64, _ word, ok bool) {
	for p := pos + 1; p < pos+q.capacity; p++ {
		behind := q.load(p)
		switch {
		case behind.ahead(q.lap(p)) >= 0 || q.over(p, behind):
			return p, behind, true
		case behind.phase() != held:
			return p, behind, false
		}
	}
	return pos, w, false
}

// over reports whether pos, whose word was w, is held by nobody any more.
func (q *WorkQueue[T]) over(pos uint64, w word) bool {
	return w.phase() == held && q.holder(pos) == finished && !q.pending(pos)
}

// finish frees the slot of pos if its message is acknowledged, and reports whether it has.
func (q *WorkQueue[T]) finish(pos uint64) bool {
	for range finishAttempts {
		w := q.load(pos)
		if !q.over(pos, w) {
			return false
		}
		if q.swap(pos, w, w.nextLap()) {
			return true
		}
	}
	return false
}

// finishAttempts bounds finish, in memory that may be hostile. Each failure is a pass.
const finishAttempts = 64

// madeRoom wakes producers, if there is room for one.
func (q *WorkQueue[T]) madeRoom() {
	// Two that make room one after the other have to see each other's, as well.
	arch.Fence()
	if !q.canPush.Waiting() {
		return
	}
	steps := q.maxSteps()
	pos, w, err := q.nextFree(atomic.LoadUint64(q.tail), &steps)
	room := err != ErrFull
	if !room && w.phase() == held {
		if room = q.over(pos, w); !room {
			_, _, room = q.roomBehind(pos, w)
		}
	}
	if room {
		q.canPush.Notify(wait.Everybody)
	}
}

// repairRoom repairs what producers wait for, and what comes to light then.
func (q *WorkQueue[T]) repairRoom() {
	for steps := q.maxSteps(); ; steps-- {
		pos, w, err := q.nextRoom(atomic.LoadUint64(q.tail), &steps)
		if err != ErrFull || !q.repair(pos, w) || steps == 0 {
			return
		}
	}
}

// putBack makes the message at pos nobody's, which a dead process has taken and not held.
// It was not delivered yet.
func (q *WorkQueue[T]) putBack(pos uint64, w word) bool {
	if !q.swap(pos, w, claimWord(reading, q.lap(pos), 1, q.core.ID())) {
		return false
	}
	arch.StoreRelease64(&q.slots.value(pos).holder, uint64(newHolder(q.lap(pos))))
	q.store(pos, heldWord(q.lap(pos)))
	q.repaired()
	q.canPush.Notify(wait.Everybody)
	q.comeBack()
	return true
}
