package ring

import (
	"context"
	"iter"
	"sync/atomic"

	"github.com/isthmus-go/isthmus/internal/arch"
	"github.com/isthmus-go/isthmus/internal/wait"
)

// BytesConsumer is the popping end of a [Bytes]. Only one goroutine at a time may
// use it.
type BytesConsumer struct {
	records
	popper     // its positions are places
	lent   int // how many messages are lent, those before lentEnd
}

// TryNext lends the next message in place. If messages are lent already, it lends
// the message after them. A lent message stays in the ring until Release. If this
// process dies before Release, its successor gets the message. If there is no
// message, the error is ErrEmpty or ErrClosed. The bytes must not be used after
// Release, or after the Segment's Close.
func (c *BytesConsumer) TryNext() ([]byte, error) {
	b, end, err := c.find(c.nextToLend())
	if err == nil {
		c.lentEnd = end
		c.lent++
	}
	return b, err
}

// nextToLend returns the place of the first message that is not lent.
func (c *BytesConsumer) nextToLend() uint64 {
	if c.lent > 0 {
		return c.lentEnd
	}
	return c.pos
}

// find returns the first message from a place on, and the place behind it.
func (c *BytesConsumer) find(place uint64) (b []byte, end uint64, err error) {
	if c.over != nil {
		return nil, 0, c.over
	}
	for range 3 { // at most: padding, nothing there, and yet a last message
		pos, i := position(place), place&maxMore
		h := atomic.LoadUint64(c.header(pos))
		if h == 0 {
			if err := c.empty(pos); err != nil {
				return nil, 0, err
			}
			continue
		}
		size, err := c.extent(pos, i, h)
		if err != nil {
			return nil, 0, c.verdict(err)
		}
		end = placeOf(pos + size)
		if h&padding != 0 {
			place = end
			continue
		}
		if i < h>>moreShift&maxMore {
			end = place + 1
		}
		c.pushed.Acquire()
		return c.payload(pos, i, h&lengthMask), end, c.check()
	}
	return nil, 0, c.verdict(ErrEmpty)
}

// empty says why the header at pos is zero, or that by now it is not.
func (c *BytesConsumer) empty(pos uint64) error {
	err := ErrEmpty
	if c.ringClosed() {
		// Close came after the last commit: look again.
		if err = ErrClosed; atomic.LoadUint64(c.header(pos)) != 0 {
			err = nil
		}
	}
	return c.verdict(err)
}

// Next lends the next message as TryNext does, but waits if there is none. If the
// ring is full and all its messages are lent, no message can come before a
// Release.
func (c *BytesConsumer) Next(ctx context.Context) ([]byte, error) {
	b, end, err := c.await(ctx, c.nextToLend())
	if err == nil {
		c.lentEnd = end
		c.lent++
	}
	return b, err
}

// await is find, but waits for a message.
func (c *BytesConsumer) await(ctx context.Context, place uint64) (b []byte, end uint64, err error) {
	if err := c.begin(ctx); err != nil {
		return nil, 0, err
	}
	if b, end, err = c.find(place); err != ErrEmpty {
		return b, end, err
	}
	for range wait.Eager() {
		if atomic.LoadUint64(c.header(position(place))) != 0 {
			if b, end, err = c.find(place); err != ErrEmpty {
				return b, end, err
			}
		}
	}
	err = c.object.await(ctx, &c.canPop, ErrEmpty, func() error { b, end, err = c.find(place); return err }, nothingToRepair)
	return b, end, err
}

// Release removes a lent message from the ring. If several messages are lent, it
// removes the one that was lent first. Pop always removes the first message of
// the ring; that is the same message, if one is lent.
func (c *BytesConsumer) Release() error {
	if c.lent == 0 {
		return c.fault(ErrNotReserved)
	}
	_, end, err := c.find(c.pos)
	if err != nil {
		return err
	}
	return c.release(end, 1)
}

// release takes n messages out of the ring, those before end.
func (c *BytesConsumer) release(end uint64, n int) error {
	c.popped.Release()
	room := position(end) != position(c.pos)
	c.pos, c.lent = end, max(c.lent-n, 0)
	arch.StoreRelease64(c.head, end)
	if !room {
		return c.check()
	}
	return c.freed(n)
}

// TryPop appends the next message to dst and returns the result. If there is no
// message, the error is ErrEmpty or ErrClosed.
func (c *BytesConsumer) TryPop(dst []byte) ([]byte, error) {
	b, end, err := c.find(c.pos)
	if err != nil {
		return dst, err
	}
	return c.take(dst, b, end)
}

// Pop appends the next message to dst and returns the result. It waits if there
// is no message. If ctx ends first, Pop returns an error that wraps the error of
// ctx. If the ring is closed and drained, Pop returns ErrClosed.
func (c *BytesConsumer) Pop(ctx context.Context, dst []byte) ([]byte, error) {
	b, end, err := c.await(ctx, c.pos)
	if err != nil {
		return dst, err
	}
	return c.take(dst, b, end)
}

// take appends b, which ends at end, to dst and releases it.
func (c *BytesConsumer) take(dst, b []byte, end uint64) ([]byte, error) {
	longer := append(dst, b...)
	if err := c.release(end, 1); err != nil {
		return dst, err
	}
	return longer, nil
}

// PopInto appends the next messages to dst, one after another, and stores their
// lengths in lens. It pops as many as there are, but at most len(lens). It
// returns the extended dst and the number of messages. It waits for the first
// message. Without an error, the number is at least 1, unless lens is empty.
func (c *BytesConsumer) PopInto(ctx context.Context, dst []byte, lens []int) (_ []byte, n int, err error) {
	if len(lens) == 0 {
		return dst, 0, c.verdict(c.begin(ctx))
	}
	b, place, err := c.await(ctx, c.pos)
	if err != nil {
		return dst, 0, err
	}
	longer := dst
	for {
		longer = append(longer, b...)
		lens[n] = len(b)
		n++
		// Messages follow one another, up to padding, or nothing.
		var k int
		longer, k, place = c.readRun(longer, lens[n:], place)
		n += k
		c.pushed.Acquire()
		if n == len(lens) {
			break
		}
		next, end, err := c.find(place)
		if err != nil || distance(c.pos, end) > c.capacity {
			break
		}
		b, place = next, end
	}
	if err := c.release(place, n); err != nil {
		return dst, 0, err
	}
	return longer, n, nil
}

// readRun appends to dst messages from a place on, as many as follow one another and dst
// has room for, once around the ring, and stores their lengths in lens. It returns how
// many there were, and the place behind them.
func (c *BytesConsumer) readRun(dst []byte, lens []int, place uint64) (_ []byte, n int, end uint64) {
	pos := position(place)
	mem := c.body[c.offset(pos):]
	mem = mem[:min(uint64(len(mem)), c.capacity-min(distance(c.pos, place), c.capacity))]
	dst, n, size, i := readMany(mem, dst, lens, uint64(c.maxLen()), place&maxMore)
	return dst, n, placeOf(pos+size) | i
}

// All returns an iterator over the messages. It yields each message with a nil
// error, and lends it in place until the end of the loop body. The iterator ends
// after the last message of a closed ring. If it ends for another reason, such as
// the end of ctx or of the segment, it yields that error once, without a message.
// If the loop body breaks, its message is still removed from the ring.
func (c *BytesConsumer) All(ctx context.Context) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		for b, err := range all(ctx, c.Next) {
			more := yield(b, err)
			if err != nil {
				return
			}
			if err := c.Release(); err != nil && more {
				yield(nil, err)
				return
			}
			if !more {
				return
			}
		}
	}
}

// Detach gives up the consumer's role, so that another process can continue as
// the consumer.
func (c *BytesConsumer) Detach() error {
	c.lent = 0
	return c.giveUp(&c.tenure, ErrDetached)
}
