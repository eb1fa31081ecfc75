package ring

import (
	"context"
	"iter"
	"sync/atomic"

	"github.com/isthmus-go/isthmus/internal/arch"
	"github.com/isthmus-go/isthmus/internal/layout"
	"github.com/isthmus-go/isthmus/internal/wait"
)

// TryPop appends the next message to dst and returns the result. If there is no
// message, the error is ErrEmpty; it is ErrClosed if no message can come any
// more. For some tries, the error may be ErrEmpty while a message waits that was
// lent to a process that has died.
func (q *BytesMPMC) TryPop(dst []byte) ([]byte, error) {
	var one [1]int
	longer, _, err := q.popSome(dst, one[:])
	return longer, err
}

// popSome appends as many messages as one take gets to dst, at least one, and stores their
// lengths in lens. With an error it returns dst.
func (q *BytesMPMC) popSome(dst []byte, lens []int) (longer []byte, n int, err error) {
	if q.orphaned() {
		if longer, ok := q.redeliver(dst, lens); ok {
			return longer, 1, q.check()
		}
	}
	q.join(&q.pop, layout.Consumer, q.head)
	head := atomic.LoadUint64(q.head)
	pos := q.pop.start(head)
	for steps := q.maxSteps(); ; {
		next, w, err := q.nextFull(pos, &steps)
		if err != nil {
			return q.notPopped(dst, lens, next, w, err)
		}
		pos = next
		longer, all, n, err := q.copyRow(dst, pos, w, lens) // not ours yet: Invariant 5
		if err != nil && q.load(pos) == w {
			return dst, 0, q.verdict(err)
		}
		q.popped.Release()
		if err == nil && q.take(pos, w, all) {
			return longer, n, q.taken(head, pos, all)
		}
		head, pos = q.lost(q.head, pos)
	}
}

// take takes the spans of a run at pos, where the word is w, out of the ring, and reports
// whether it was still so.
func (q *BytesMPMC) take(pos uint64, w word, r run) bool {
	if q.span(pos, r) == 1 {
		return q.swap(pos, w, freeWord(q.lap(pos)+1))
	}
	if !q.swap(pos, w, q.owned(freeing, pos, uint64(r))) {
		return false
	}
	q.free(pos, r)
	return true
}

// free makes the chunks that this process holds at pos free, the first last (Invariant 4).
func (q *BytesMPMC) free(pos uint64, r run) {
	for end := pos + q.span(pos, r); end > pos; {
		n := min(end-pos, maxRun, q.index(end-1)+1)
		end -= n
		q.words.set(end, n, uint64(freeWord(q.lap(end)+1)), oneMore)
	}
}

// notPopped completes the error of a pop that came as far as pos. Now and then
// it looks whether a dead process is in the way, or has left a message behind.
func (q *BytesMPMC) notPopped(dst []byte, lens []int, pos uint64, w word, err error) ([]byte, int, error) {
	err, look := q.notTaken(pos, w, err)
	if look {
		if longer, ok := q.redeliver(dst, lens); ok {
			return longer, 1, q.check()
		}
	}
	return dst, 0, q.verdict(err)
}

// notTaken is the track's, and goes on over what was given up, chunk by chunk.
func (q *BytesMPMC) notTaken(pos uint64, w word, err error) (_ error, look bool) {
	if head := atomic.LoadUint64(q.head); err == ErrEmpty && int64(pos-head) >= int64(q.lag) {
		q.advance(q.head, head, &q.pop, pos)
	}
	return q.track.notTaken(pos, w, err)
}

// taken ends the taking of a run at pos, by a walk from head.
func (q *BytesMPMC) taken(head, pos uint64, r run) error {
	q.advance(q.head, head, &q.pop, pos+q.span(pos, r))
	q.pushed.Acquire()
	return q.freed()
}

// freed wakes those who wait for room. In a closed ring consumers wait for the end.
func (q *BytesMPMC) freed() error {
	if !q.ringClosed() && q.quiet(&q.canPush) {
		return nil
	}
	if q.fence {
		arch.Fence()
	}
	if q.ringClosed() {
		q.canPop.Notify(wait.Everybody)
	}
	q.canPush.Notify(wait.Everybody) // Invariant 9
	return q.check()
}

// Pop appends the next message to dst and returns the result. It waits if there
// is no message. If ctx ends first, Pop returns an error that wraps the error of
// ctx. If the ring is closed and drained, Pop returns ErrClosed. With an error,
// Pop returns dst. The bytes between the length and the capacity of dst may then
// have changed.
func (q *BytesMPMC) Pop(ctx context.Context, dst []byte) ([]byte, error) {
	var one [1]int
	longer, _, err := q.PopInto(ctx, dst, one[:])
	return longer, err
}

// PopInto appends the next messages to dst, one after another, and stores their
// lengths in lens. It pops as many as there are, but at most len(lens). Other
// consumers may pop messages between them. It returns the extended dst and the
// number of messages. It waits for the first message. Without an error, the number
// is at least 1, unless lens is empty.
func (q *BytesMPMC) PopInto(ctx context.Context, dst []byte, lens []int) (_ []byte, n int, err error) {
	if err := q.begin(ctx); err != nil || len(lens) == 0 {
		return dst, 0, q.verdict(err)
	}
	longer, n, err := q.popSome(dst, lens)
	if err == ErrEmpty {
		q.pop.lull()
		err = q.awaitMessage(ctx,
			func() error { longer, n, err = q.popSome(dst, lens); return err },
			func() (ok bool) { longer, ok = q.redeliver(dst, lens); n = 1; return ok })
	}
	if err != nil {
		return dst, 0, err
	}
	for n < len(lens) {
		more, k, err := q.popSome(longer, lens[n:])
		if err != nil {
			break // who comes next is told, but that the segment is closed
		}
		longer, n = more, n+k
	}
	if err := q.check(); err != nil {
		return dst, 0, err
	}
	return longer, n, nil
}

// All returns an iterator over the messages. It yields each message with a nil
// error, and lends it in place until the end of the loop body. The iterator ends
// after the last message of a closed ring. If it ends for another reason, such as
// the end of ctx or of the segment, it yields that error once, without a message.
// If the loop body breaks, its message is still removed from the ring.
func (q *BytesMPMC) All(ctx context.Context) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		for l, err := range all(ctx, q.Next) {
			if err != nil {
				yield(nil, err)
				return
			}
			more := yield(l.Bytes(), nil)
			if err := l.Release(); err != nil && more {
				yield(nil, err)
				return
			}
			if !more {
				return
			}
		}
	}
}

// redeliver pops a message that was lent to a process now dead, and appends it to dst.
func (q *BytesMPMC) redeliver(dst []byte, lens []int) (longer []byte, ok bool) {
	ok = q.adopt(func(pos uint64, w word) bool {
		m, _, _, err := q.copyRow(dst, pos, w, lens[:1])
		if err != nil {
			return false
		}
		q.popped.Release()
		if !q.take(pos, w, w.chunkRun()) {
			return false
		}
		longer = m
		q.freed()
		return true
	})
	return longer, ok
}
