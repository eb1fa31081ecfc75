package ring

import (
	"context"
	"sync/atomic"

	"github.com/isthmus-go/isthmus/internal/arch"
	"github.com/isthmus-go/isthmus/internal/layout"
	"github.com/isthmus-go/isthmus/internal/wait"
)

// TryPut puts v into the queue if there is space. It returns ErrFull if there is none.
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

// nextRoom is nextFree, which passes over what is held.
func (q *WorkQueue[T]) nextRoom(pos uint64, steps *uint64) (uint64, word, error) {
	var room uint64 // all up to there are held, or were
	for {
		next, w, err := q.nextFree(pos, steps)
		if err != ErrFull || w.phase() != held || *steps == 0 || !q.pass(next, w, &room) {
			return next, w, err
		}
		pos = next
		*steps--
	}
}

// pass passes over the held message that is in the way at pos, if that is of any use.
func (q *WorkQueue[T]) pass(pos uint64, w word, room *uint64) bool {
	if q.finish(pos) {
		return true
	}
	if w.ahead(q.lap(pos)) != -1 {
		return false
	}
	if int64(*room-pos) <= 0 {
		var ok bool
		if *room, ok = q.roomBehind(pos); !ok {
			return false
		}
	}
	if q.lap(pos)%max(1, lookEvery/q.capacity) == 0 { // once in lookEvery positions
		if h := q.holder(pos); h != finished && (h.owner() == 0 && !q.isLetter(h) || h.owner() != 0 && q.core.Dead(h.owner())) {
			q.comeBack()
		}
	}
	q.swap(pos, w, heldWord(q.lap(pos))) // or another has, or it is free
	return true
}

// roomBehind reports whether all slots behind pos are held up to one that is free, or
// something has changed meanwhile.
func (q *WorkQueue[T]) roomBehind(pos uint64) (at uint64, ok bool) {
	for p := pos + 1; p < pos+q.capacity; p++ {
		w := q.load(p)
		switch {
		case w.ahead(q.lap(p)) >= 0 || q.over(p, w):
			return p, true
		case w.phase() != held:
			return 0, false
		}
	}
	return 0, false
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
			_, room = q.roomBehind(pos)
		}
	}
	if room {
		q.canPush.Notify(wait.Everybody)
	}
}

// repairRoom repairs what producers wait for, and what comes to light then.
func (q *WorkQueue[T]) repairRoom() {
	for steps := q.maxSteps(); ; {
		pos, w, err := q.nextRoom(atomic.LoadUint64(q.tail), &steps)
		if err != ErrFull || !q.repair(pos, w) && !(w.phase() == held && q.repairBehind(pos)) || steps == 0 {
			return
		}
		steps--
	}
}

// repairBehind repairs what keeps producers from passing what is held at pos: a message
// that a dead process has taken and not held.
func (q *WorkQueue[T]) repairBehind(pos uint64) bool {
	for p := pos + 1; p < pos+q.capacity; p++ {
		if w := q.load(p); w.phase() != held {
			return w.phase() == reading && q.repair(p, w)
		}
	}
	return false
}

// putBack makes the message at pos nobody's, which a dead process has taken and not held.
// It was not delivered yet.
func (q *WorkQueue[T]) putBack(pos uint64, w word) bool {
	if !q.swap(pos, w, claimWord(reading, q.lap(pos), 1, q.core.ID())) {
		return false
	}
	arch.StoreRelease64(&q.slots.value(pos).holder, (q.lap(pos)|1)<<tagShift) // not finished
	q.store(pos, heldWord(q.lap(pos)))
	q.canPush.Notify(wait.Everybody)
	q.comeBack()
	return true
}
