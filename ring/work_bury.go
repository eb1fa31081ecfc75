package ring

import (
	"sync/atomic"

	"github.com/isthmus-go/isthmus/internal/arch"
)

// The move of a dead letter, from its queue to another, exactly once.
//
// Both entries have a letter word, 0 at first. Who is to move the message takes it over (from
// nobody, after the last Nack): then it holds it, and no task does (Invariant 6 of work.go). It
// does these steps:
//
//	1  names the move: a number that nobody else uses, in the letter of the source
//	2  puts the message into the other queue, with that letter
//	3  marks the letter of the source as moved
//	4  clears the letter in the other queue
//	5  acknowledges the source
//
// If the other queue has no room, or is closed, it clears the letter again and gives the message
// back, which stays nobody's until a consumer waits, and tries again. Nobody is told of it: so
// it costs the others nothing.
//
// Invariants
//
//  1. Who holds the source is the only one to move it, and a successor has taken it over
//     from somebody dead. So nobody else writes that letter anywhere.
//  2. If the letter is published in the other queue, it stays in its slot until step 4: it is
//     pending, and its slot is not freed before, even if it was delivered and acknowledged
//     there. So a successor that finds a letter in the source that is not moved looks for
//     it in all slots of the other queue, and goes on from step 3 if it is there, or
//     else from step 2. If it is moved, it goes on from step 4.
//  3. Acknowledge and clear the letter, in either order: who does the second of them sees
//     the first, and frees the slot.
//  4. The other queue is nobody's source, so that its letters are of one kind.
//
// So a death leaves, until step 5, the message in its queue, with the id of somebody dead,
// and between steps 2 and 4 a slot of the other queue that is used for longer than need be.
// A consumer of the source that waits goes on with the move.
//
// Memory orderings. The store of step 1, and of step 3, is seen by who takes the source
// over, as the probe of the dead one's lock comes after it. A letter is loaded before and
// after the state word of its slot (find): it is that of the message that was seen published.

// moved marks the letter of a source.
const moved = 1

// letters counts this process's moves.
var letters atomic.Uint64

const letterBits = 26 // the lowest for the mark

// newLetter returns a number that no other move has. The owner's id never comes back.
func (q *WorkQueue[T]) newLetter() uint64 {
	return uint64(q.core.ID())<<letterBits | letters.Add(2)&(1<<letterBits-1)
}

func (q *WorkQueue[T]) letter(pos uint64) *uint64 { return &q.slots.value(pos).letter }

// pending reports whether the message at pos is a dead letter whose move is not over.
func (q *WorkQueue[T]) pending(pos uint64) bool {
	return q.most == 0 && atomic.LoadUint64(q.letter(pos)) != 0
}

// bury moves a message that this process holds, or gives it back and reports false if the
// other queue does not take it.
func (q *WorkQueue[T]) bury(t Task[T]) bool {
	letter := atomic.LoadUint64(q.letter(t.pos))
	pos, there := uint64(0), false
	if letter == 0 {
		letter = q.newLetter()
		arch.StoreRelease64(q.letter(t.pos), letter)
	} else {
		pos, there = q.dead.find(letter &^ moved)
	}
	if letter&moved == 0 {
		if !there {
			var err error
			if pos, err = q.dead.claim(); err == ErrFull {
				q.dead.repairRoom()
				pos, err = q.dead.claim()
			}
			if err != nil {
				arch.StoreRelease64(q.letter(t.pos), 0) // nobody has to look for it
				q.giveBack(t)
				return false
			}
			if q.dead.publish(pos, *t.Value(), letter) != nil {
				return false
			}
			there = true
		}
		arch.StoreRelease64(q.letter(t.pos), letter|moved)
	}
	if there && atomic.CompareAndSwapUint64(q.dead.letter(pos), letter&^moved, 0) {
		q.dead.finished(pos)
	}
	q.popped.Release()
	if q.swapHolder(t.pos, t.h, finished) {
		q.finished(t.pos)
	}
	return true
}

// find finds the slot of a message that was put with that letter.
func (q *WorkQueue[T]) find(letter uint64) (pos uint64, ok bool) {
	for i := range q.capacity {
		if atomic.LoadUint64(q.letter(i)) != letter {
			continue
		}
		phase := q.load(i).phase()
		if (phase == full || phase == reading || phase == held) && atomic.LoadUint64(q.letter(i)) == letter {
			return i, true
		}
	}
	return 0, false
}
