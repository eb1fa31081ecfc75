package ring

import (
	"math/bits"
	"sync/atomic"

	"github.com/isthmus-go/isthmus/internal/arch"
	"github.com/isthmus-go/isthmus/internal/layout"
	"github.com/isthmus-go/isthmus/internal/wait"
)

// track is what MPMC and BytesMPMC have in common: a ring of state words, the walks along
// it, and the repair of what the dead have left there. Their protocols, in mpmc.go and
// bytes_mpmc.go, number the invariants alike.
type track struct {
	object
	stride   uint64 // bytes from one state word to the next, the first at the start of body
	lapShift int
	lag      uint64                          // how far the hints may fall behind before they are raised
	covers   func(pos uint64, w word) uint64 // how many positions the word at pos speaks for

	// untaken, if set, makes a message nobody's that a dead process has taken and not held.
	untaken func(pos uint64, w word) bool

	// Failed tries, to look for the dead now and then. Each side counts its own: who
	// tries both in turn would else look from one side only.
	pushTries, popTries atomic.Uint32
}

// newTrack returns the track of a ring. The ring sets covers.
func newTrack(o object, stride uint64) track {
	return track{
		object: o, stride: stride,
		lapShift: bits.TrailingZeros64(o.capacity), lag: 1 + min(o.capacity/32, 7),
	}
}

// Close closes the ring permanently. Consumers get the messages that are in the
// ring, and then ErrClosed. A push that is in progress may still succeed. Its
// message is then popped before consumers get ErrClosed.
// [shm.Segment.RemoveObject] explains how to open the ring again.
func (q *track) Close() error {
	q.closeRing()
	return q.check()
}

// used returns how many positions are in use at the moment.
func (q *track) used() int {
	head, tail := q.ends()
	n := max(int64(tail-head), 0) + q.countLent(0)
	if q.core.Closed() {
		return 0
	}
	return int(min(n, int64(q.capacity)))
}

// ends returns the first position that is not taken, and then the first that is not claimed.
func (q *track) ends() (head, tail uint64) {
	steps := q.maxSteps()
	head, _, _ = q.nextFull(atomic.LoadUint64(q.head), &steps)
	steps = q.maxSteps()
	tail, _, _ = q.nextFree(atomic.LoadUint64(q.tail), &steps)
	return head, tail
}

func (q *track) lap(pos uint64) uint64 { return pos >> q.lapShift }

// word returns the state word of pos. It is inside the ring, whatever pos is.
func (q *track) word(pos uint64) *uint64 {
	return layout.At[uint64](q.body, (pos&(q.capacity-1))*q.stride)
}

func (q *track) load(pos uint64) word { return word(atomic.LoadUint64(q.word(pos))) }
func (q *track) swap(pos uint64, old, w word) bool {
	return atomic.CompareAndSwapUint64(q.word(pos), uint64(old), uint64(w))
}

// owned returns the word of what this process holds at pos, with that in the bits of
// the run.
func (q *track) owned(phase, pos, run uint64) word {
	return claimWord(phase, q.lap(pos), run, q.core.ID())
}

// maxSteps bounds a walk from a hint, in memory that may be hostile.
func (q *track) maxSteps() uint64 { return 4*q.capacity + 64 }

// nextFree walks from pos to the first position that is not claimed, and returns it if
// its word is free.
func (q *track) nextFree(pos uint64, steps *uint64) (uint64, word, error) {
	for ; *steps > 0; *steps-- {
		w := q.load(pos)
		ahead := w.ahead(q.lap(pos))
		switch {
		case ahead == 0 && w.phase() == free:
			*steps--
			return pos, w, nil
		case ahead >= 0 && w.phase() == closed:
			return pos, w, ErrClosed
		case ahead == 0:
			pos += q.covers(pos, w)
		case ahead > 0: // maybe inside a batch, of which not all is published
			pos += uint64(ahead-1)*q.capacity + 1
		default:
			// The lap before is still there, unless the hint has moved on while
			// this walk was paused.
			tail := atomic.LoadUint64(q.tail)
			if int64(tail-pos) <= 0 {
				return pos, w, ErrFull
			}
			pos = tail
		}
	}
	return pos, 0, ErrFull
}

// nextFull walks from pos to the first position that is not taken, and returns it if
// its word is full.
func (q *track) nextFull(pos uint64, steps *uint64) (uint64, word, error) {
	for ; *steps > 0; *steps-- {
		w, lap := q.load(pos), q.lap(pos)
		ahead, phase := w.ahead(lap), w.phase()
		taken := phase == reading || phase == freeing
		switch {
		case ahead == 0 && phase == full:
			*steps--
			return pos, w, nil
		case ahead == 0 && phase == closed:
			return pos, w, ErrClosed
		case ahead == 0 && phase == free:
			if !q.ringClosed() {
				return pos, w, ErrEmpty
			}
			// No producer that has not claimed pos by now ever will.
			if q.swap(pos, w, closedWord(lap)) {
				return pos, w, ErrClosed
			}
		case ahead >= 0 && taken:
			pos += uint64(ahead)*q.capacity + q.covers(pos, w)
		case ahead > 0 && phase == free:
			// Maybe free of the lap before without having been taken
			// (cancelled, or repaired), but then at least the one before
			// that was.
			pos += uint64(max(ahead-2, 0))*q.capacity + 1
		case ahead == 0 && phase == held:
			pos++
		case ahead > 0:
			// A word that a producer has claimed in a later lap, or of a held message
			// that it has passed over there.
			pos += uint64(ahead-1)*q.capacity + 1
		default:
			// Being written, or still of the lap before; unless the hint has
			// moved on while this walk was paused (Invariant 8).
			head := q.surelyTaken()
			switch {
			case int64(head-pos) > 0:
				pos = head
			case ahead == 0 || taken || phase == held:
				return pos, w, ErrEmpty
			default:
				return pos, w, ErrCorrupt
			}
		}
	}
	return pos, 0, ErrEmpty
}

// surelyTaken returns a position before which all have been taken, or given up:
// the hint, or what follows from the producers', if they alone have gone on.
func (q *track) surelyTaken() uint64 {
	head, tail := atomic.LoadUint64(q.head), atomic.LoadUint64(q.tail)
	if int64(tail-q.capacity-head) > 0 {
		return tail - q.capacity
	}
	return head
}

// advance raises a hint, seen as was, once it has fallen behind.
func (q *track) advance(hint *uint64, was uint64, s *side, to uint64) {
	arch.StoreRelease64(&s.last, to)
	if to-was >= q.lag && !atomic.CompareAndSwapUint64(hint, was, to) {
		q.advanceAgain(hint, to)
	}
}

// lost pauses after a lost race for pos. It returns the hint as it is then, and where to go
// on: a walk from pos would look at each message of a batch that has been published meanwhile.
func (q *track) lost(hint *uint64, pos uint64) (now, from uint64) {
	wait.Backoff()
	if now = atomic.LoadUint64(hint); int64(now-pos) > 0 {
		return now, now
	}
	return now, pos
}

// advanceAgain raises a hint that another has raised meanwhile, to the end of a batch before
// mostly: who starts there would look at each message of this one. If a third has, that will
// do.
func (q *track) advanceAgain(hint *uint64, to uint64) {
	if was := atomic.LoadUint64(hint); int64(to-was) >= int64(q.lag) {
		atomic.CompareAndSwapUint64(hint, was, to)
	}
}

// holds checks that this process holds pos, by that word.
func (q *track) holds(pos uint64, w word) error {
	if err := q.check(); err != nil {
		return err
	}
	// What is held stops the ring when it has gone round. What lies further back was
	// given up long ago, and the word is that of another lap (Invariant 8).
	passed := int64(q.surelyTaken()-pos) > int64(2*q.capacity)
	if passed || q.load(pos) != w {
		return q.verdict(q.fault(ErrNotReserved))
	}
	return nil
}

// wakeConsumers wakes a sleeper for each of n messages that were published, up to next.
// If the position there was claimed, it may have been published first, and its wake have
// found nothing to take: then everybody is woken, and so if the ring is closed, since
// those who get nothing have to be told. It returns an error if the segment is closed.
func (q *track) wakeConsumers(next, n uint64) error {
	if q.quiet(&q.canPop) {
		return nil
	}
	if q.fence {
		arch.Fence()
	}
	if q.ringClosed() || q.load(next).state() != freeWord(q.lap(next)) {
		n = wait.Everybody
	}
	q.canPop.Notify(int(n))
	return q.check()
}
