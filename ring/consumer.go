package ring

import (
	"context"
	"iter"
	"sync/atomic"

	"github.com/isthmus-go/isthmus/internal/arch"
	"github.com/isthmus-go/isthmus/internal/wait"
)

// Consumer is the popping end of an [SPSC]. Only one goroutine at a time may use
// it.
type Consumer[T any] struct {
	object
	slots slots[T]
	popper
	stopped uint64 // where it last had to wait
}

// TryPop returns the next message. If there is no message, it returns ErrEmpty;
// it returns ErrClosed if no message can come any more.
func (c *Consumer[T]) TryPop() (v T, err error) {
	pos := c.pos
	if atomic.LoadUint64(c.slots.word(pos)) != pos+1 {
		if err := c.empty(pos); err != nil {
			return v, err
		}
	}
	v = *c.slots.value(pos)
	c.pushed.Acquire()
	c.popped.Release()
	c.pos = pos + 1
	arch.StoreRelease64(c.head, pos+1)
	if c.quiet(&c.canPush) {
		return v, nil
	}
	return v, c.freed(1)
}

// release takes n messages out of the ring.
func (c *Consumer[T]) release(n uint64) error {
	c.pushed.Acquire()
	c.popped.Release()
	c.pos += n
	arch.StoreRelease64(c.head, c.pos)
	if c.quiet(&c.canPush) {
		return nil
	}
	return c.freed(int(n))
}

// empty says why the slot of pos was not full, or that by now it is.
func (c *Consumer[T]) empty(pos uint64) error {
	if c.over != nil {
		return c.over
	}
	err := ErrEmpty
	if c.ringClosed() {
		// Close came after the last push: look again.
		if err = ErrClosed; atomic.LoadUint64(c.slots.word(pos)) == pos+1 {
			err = nil
		}
	}
	return c.verdict(err)
}

// ready reports by nil that there is a message at pos.
func (c *Consumer[T]) ready(pos uint64) error {
	if atomic.LoadUint64(c.slots.word(pos)) == pos+1 {
		return nil
	}
	return c.empty(pos)
}

// Pop returns the next message. It waits if there is no message. If ctx ends
// first, Pop returns an error that wraps the error of ctx. If the ring is closed
// and drained, Pop returns ErrClosed.
func (c *Consumer[T]) Pop(ctx context.Context) (v T, err error) {
	pos := c.pos
	if atomic.LoadUint64(c.slots.word(pos)) != pos+1 || !wait.Endless(ctx) {
		return c.popSlow(ctx)
	}
	// As TryPop does: a call takes a third of the time of a pop.
	v = *c.slots.value(pos)
	c.pushed.Acquire()
	c.popped.Release()
	c.pos = pos + 1
	arch.StoreRelease64(c.head, pos+1)
	if c.quiet(&c.canPush) {
		return v, nil
	}
	return v, c.freed(1)
}

// popSlow is Pop where there may be no message, or the context may end.
func (c *Consumer[T]) popSlow(ctx context.Context) (v T, err error) {
	if err := c.begin(ctx); err != nil {
		return v, err
	}
	if v, err = c.TryPop(); err != ErrEmpty {
		return v, err
	}
	if err := c.wait(ctx, c.pos); err != nil {
		return v, err
	}
	return c.TryPop()
}

// wait waits until there is a message at pos. After a run of them it first lets the
// producer get ahead again, instead of taking each line away as it is written.
func (c *Consumer[T]) wait(ctx context.Context, pos uint64) error {
	wait.Lull((pos - c.stopped) / 8)
	c.stopped = pos
	for range wait.Eager() {
		if atomic.LoadUint64(c.slots.word(pos)) == pos+1 {
			return nil
		}
	}
	return c.await(ctx, &c.canPop, ErrEmpty, func() error { return c.ready(pos) }, nothingToRepair)
}

// PopInto stores the next messages in dst and returns how many there were. It
// pops as many as there are, but at most len(dst). It waits for the first
// message. Without an error, the number is at least 1, unless dst is empty.
func (c *Consumer[T]) PopInto(ctx context.Context, dst []T) (int, error) {
	if err := c.begin(ctx); err != nil || len(dst) == 0 {
		return 0, c.verdict(err)
	}
	err := c.ready(c.pos)
	if err == ErrEmpty {
		err = c.wait(ctx, c.pos)
	}
	if err != nil {
		return 0, err
	}
	dst = dst[:min(uint64(len(dst)), c.capacity)]
	n := c.slots.read(c.pos, dst)
	if (c.pos+uint64(n))&c.slots.mask == 0 {
		n += c.slots.read(c.pos+uint64(n), dst[n:])
	}
	if n == 0 { // it was there a moment ago
		return 0, c.verdict(c.fault(ErrCorrupt))
	}
	return allOrNone(n, c.release(uint64(n)))
}

// TryNext lends the next message in place. If messages are lent already, it lends
// the message after them. A lent message stays in the ring until Release. If this
// process dies before Release, its successor gets the message. If there is no
// message, the error is ErrEmpty or ErrClosed. The pointer must not be used after
// Release, or after the Segment's Close.
func (c *Consumer[T]) TryNext() (*T, error) {
	pos := max(c.pos, c.lentEnd)
	if atomic.LoadUint64(c.slots.word(pos)) != pos+1 {
		if err := c.empty(pos); err != nil {
			return nil, err
		}
	}
	c.pushed.Acquire()
	c.lentEnd = pos + 1
	return c.slots.value(pos), c.check()
}

// Next lends the next message as TryNext does, but waits if there is none. If the
// ring is full and all its messages are lent, no message can come before a
// Release.
func (c *Consumer[T]) Next(ctx context.Context) (*T, error) {
	pos := max(c.pos, c.lentEnd)
	if atomic.LoadUint64(c.slots.word(pos)) != pos+1 || !wait.Endless(ctx) || c.core.Closed() {
		return c.nextSlow(ctx)
	}
	c.pushed.Acquire()
	c.lentEnd = pos + 1
	return c.slots.value(pos), nil
}

// nextSlow is Next where there may be no message, or the context may end.
func (c *Consumer[T]) nextSlow(ctx context.Context) (*T, error) {
	if err := c.begin(ctx); err != nil {
		return nil, err
	}
	v, err := c.TryNext()
	if err != ErrEmpty {
		return v, err
	}
	if err := c.wait(ctx, max(c.pos, c.lentEnd)); err != nil {
		return nil, err
	}
	return c.TryNext()
}

// Release removes a lent message from the ring. If several messages are lent, it
// removes the one that was lent first. Pop always removes the first message of
// the ring; that is the same message, if one is lent.
func (c *Consumer[T]) Release() error {
	if c.lentEnd <= c.pos {
		return c.fault(ErrNotReserved)
	}
	c.popped.Release()
	c.pos++
	arch.StoreRelease64(c.head, c.pos)
	if c.quiet(&c.canPush) {
		return nil
	}
	return c.freed(1)
}

// All returns an iterator over the messages, each with a nil error. The iterator
// ends after the last message of a closed ring. If it ends for another reason,
// such as the end of ctx or of the segment, it yields that error once, without a
// message.
func (c *Consumer[T]) All(ctx context.Context) iter.Seq2[T, error] { return all(ctx, c.Pop) }

// Detach gives up the consumer's role, so that another process can continue as
// the consumer.
func (c *Consumer[T]) Detach() error {
	// A slot of this process's own, never full, takes the place of the ring's.
	c.slots = newSlots[T](make([]byte, stride[T]()), 1)
	c.pos, c.lentEnd = 0, 0
	return c.giveUp(&c.tenure, ErrDetached)
}
