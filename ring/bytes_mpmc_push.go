package ring

import (
	"context"
	"fmt"
	"sync/atomic"

	"github.com/isthmus-go/isthmus/internal/arch"
	"github.com/isthmus-go/isthmus/internal/layout"
	"github.com/isthmus-go/isthmus/internal/wait"
)

// ReservedBytes is space in a [BytesMPMC] that is claimed and not yet published.
// The consumers cannot go past it before Commit or Cancel.
type ReservedBytes struct {
	q     *BytesMPMC
	pos   uint64
	run   run
	bytes []byte
}

// TryReserve claims space for a message of n bytes. The caller fills the space in
// place and publishes it by Commit. TryReserve returns ErrFull if there is not
// enough space. It returns an error that wraps ErrTooLarge if the ring can never
// have that much. If this process dies before Commit, the consumers skip the
// space.
func (q *BytesMPMC) TryReserve(n int) (ReservedBytes, error) {
	pos, r, _, err := q.claim(n, nil)
	if err != nil {
		return ReservedBytes{q: q}, err
	}
	return ReservedBytes{q, pos, r, q.memory(pos, r, n)}, q.check()
}

// claim claims room for a message of n bytes, and for as many of bs after it as one claim
// gets. It returns the run of all of them, and how many they are.
func (q *BytesMPMC) claim(n int, bs [][]byte) (pos uint64, all run, k int, err error) {
	if n < 0 || n > q.MaxLen() {
		return 0, 0, 0, q.fault(fmt.Errorf("message of %d bytes, the longest is %d: %w", n, q.MaxLen(), ErrTooLarge))
	}
	if q.ringClosed() {
		return 0, 0, 0, q.verdict(ErrClosed)
	}
	r := runOf(uint64(n))
	q.join(&q.push, layout.Producer, q.tail)
	tail := atomic.LoadUint64(q.tail)
	pos = q.push.start(tail)
	for steps := q.maxSteps(); ; {
		at, w, err := q.findRoom(pos, r, &steps)
		if err != nil {
			return 0, 0, 0, q.notPushed(at, w, err)
		}
		pos = at
		if all, k = r, 1; len(bs) > 0 {
			all, k = q.freeRow(pos, r, bs)
		}
		if q.swap(pos, w, q.owned(writing, pos, uint64(all))) {
			q.advance(q.tail, tail, &q.push, pos+q.span(pos, all))
			q.popped.Acquire()
			return pos, all, k, nil
		}
		tail, pos = q.lost(q.tail, pos)
	}
}

// Reserve claims space as TryReserve does, but waits if there is not enough.
func (q *BytesMPMC) Reserve(ctx context.Context, n int) (r ReservedBytes, err error) {
	if err := q.begin(ctx); err != nil {
		return r, err
	}
	if r, err = q.TryReserve(n); err != ErrFull {
		return r, err
	}
	q.push.lull()
	err = q.awaitRoom(ctx, n, func() error { r, err = q.TryReserve(n); return err })
	return r, err
}

// Bytes returns the space. Its initial content is unspecified. The bytes must not
// be used after Commit or Cancel, or after the Segment's Close.
func (r ReservedBytes) Bytes() []byte { return r.bytes }

// Commit publishes the first n bytes as the message.
func (r ReservedBytes) Commit(n int) error {
	q := r.q
	if n < 0 || n > len(r.bytes) {
		return q.fault(fmt.Errorf("commit of %d bytes, %d are reserved: %w", n, len(r.bytes), ErrTooLarge))
	}
	if err := q.holds(r.pos, q.owned(writing, r.pos, uint64(r.run))); err != nil {
		return err
	}
	q.pushed.Release()
	q.publish(r.pos, r.run, r.bytes, n)
	return q.wakeConsumers(r.pos+q.span(r.pos, r.run), 1)
}

// publish makes the message at pos visible, which is the first n bytes of b.
func (q *BytesMPMC) publish(pos uint64, r run, b []byte, n int) {
	if len(b) <= wordSize {
		r = shortRun(n)
	} else {
		arch.StoreRelease64(q.words.value(pos), uint64(n))
	}
	q.store(pos, fullChunk(q.lap(pos), r))
}

// Cancel gives up the space without a message.
func (r ReservedBytes) Cancel() error {
	q := r.q
	if err := q.holds(r.pos, q.owned(writing, r.pos, uint64(r.run))); err != nil {
		return err
	}
	q.free(r.pos, r.run)
	if q.fence {
		arch.Fence()
	}
	q.canPop.Notify(wait.Everybody)
	q.canPush.Notify(wait.Everybody)
	return q.check()
}

// TryPush pushes a copy of b if there is space. It returns ErrFull if there is
// not enough. After a process has died with a message that Next lent to it,
// TryPush may also return ErrFull for some tries.
func (q *BytesMPMC) TryPush(b []byte) error {
	_, err := q.pushSome(b, nil)
	return err
}

// pushSome pushes copies of b, and of as many of bs after it as one claim gets. It returns
// how many messages that were.
func (q *BytesMPMC) pushSome(b []byte, bs [][]byte) (int, error) {
	pos, all, n, err := q.claim(len(b), bs)
	if err != nil {
		return 0, err
	}
	q.pushed.Release()
	q.fill(pos, b, bs[:n-1])
	return n, q.wakeConsumers(pos+q.span(pos, all), uint64(n))
}

// Push pushes a copy of b. It waits if there is not enough space. If ctx ends
// first, Push returns an error that wraps the error of ctx, and pushes nothing.
func (q *BytesMPMC) Push(ctx context.Context, b []byte) error {
	if err := q.begin(ctx); err != nil {
		return err
	}
	if err := q.TryPush(b); err != ErrFull {
		return err
	}
	q.push.lull()
	return q.awaitRoom(ctx, len(b), func() error { return q.TryPush(b) })
}

// awaitRoom waits until try, of a message of n bytes, finds room. Only those of the same
// run take turns: who needs less must not wait for who needs more (Invariant 9).
func (q *BytesMPMC) awaitRoom(ctx context.Context, n int, try func() error) error {
	r := runOf(uint64(n))
	e, ok := q.rooms.Load(r)
	if !ok {
		e, _ = q.rooms.LoadOrStore(r, q.canPush.Another())
	}
	return q.await(ctx, e.(*wait.Event), ErrFull, try, func() { q.repairTail(n) })
}

// PushAll pushes copies of all messages in bs, in order. It waits if there is not
// enough space. Messages of other producers may come between them. PushAll returns
// how many messages it pushed. It pushes fewer than len(bs) only if it returns an
// error.
func (q *BytesMPMC) PushAll(ctx context.Context, bs [][]byte) (n int, err error) {
	if err := q.begin(ctx); err != nil || len(bs) == 0 {
		return 0, q.verdict(err)
	}
	for n < len(bs) {
		k, err := q.pushSome(bs[n], bs[n+1:])
		if err == ErrFull {
			q.push.lull()
			err = q.awaitRoom(ctx, len(bs[n]), func() error {
				k, err = q.pushSome(bs[n], bs[n+1:])
				return err
			})
		}
		if err != nil {
			return n, err
		}
		n += k
	}
	return n, nil
}

// repairTail repairs what the producer of a message of n bytes waits for, and what
// comes to light then.
func (q *BytesMPMC) repairTail(n int) {
	for steps := q.maxSteps(); ; steps-- {
		at, w, err := q.findRoom(atomic.LoadUint64(q.tail), runOf(uint64(n)), &steps)
		if err != ErrFull || !q.repair(at, w) || steps == 0 {
			return
		}
	}
}
