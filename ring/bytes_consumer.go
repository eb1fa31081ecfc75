package ring

import (
	"context"
	"iter"
	"sync/atomic"

	"github.com/isthmus-go/isthmus/internal/arch"
	"github.com/isthmus-go/isthmus/internal/wait"
)

// BytesConsumer is the popping end of a [Bytes]. It is used by one goroutine at
// a time.
type BytesConsumer struct {
	*Bytes
	pos  uint64 // next position to pop
	lent uint64 // the room of the message that Next has lent, 0 if none
	gone bool
}

// TryNext lends the next message in place. It stays in the ring until Release,
// and a successor gets it if this process dies before. If there is none, the
// error is ErrEmpty or ErrClosed. The bytes must not be used after Release, or
// after the Segment's Close.
func (c *BytesConsumer) TryNext() ([]byte, error) {
	if c.gone {
		return nil, ErrDetached
	}
	for range 3 { // at most: padding, nothing there, and yet a last message
		h := atomic.LoadUint64(c.header(c.pos))
		if h == 0 {
			if err := c.empty(); err != nil {
				return nil, err
			}
			continue
		}
		size, err := c.check(c.pos, h)
		if err != nil {
			return nil, c.verdict(err)
		}
		if h&padding != 0 {
			c.pos += size // and head follows with the message behind it
			continue
		}
		c.pushed.Acquire()
		c.lent = size
		return c.payload(c.pos, h&lengthMask), c.open()
	}
	return nil, c.verdict(ErrEmpty)
}

// empty says why the header at pos is zero, or that by now it is not.
func (c *BytesConsumer) empty() error {
	err := ErrEmpty
	if c.isClosed() {
		// Close came after the last commit: look again.
		if err = ErrClosed; atomic.LoadUint64(c.header(c.pos)) != 0 {
			err = nil
		}
	}
	return c.verdict(err)
}

// Next is TryNext, but waits for a message.
func (c *BytesConsumer) Next(ctx context.Context) (b []byte, err error) {
	if err := c.begin(ctx); err != nil {
		return nil, err
	}
	if b, err = c.TryNext(); err != ErrEmpty {
		return b, err
	}
	for range wait.Eager() {
		if atomic.LoadUint64(c.header(c.pos)) != 0 {
			if b, err = c.TryNext(); err != ErrEmpty {
				return b, err
			}
		}
	}
	err = c.await(ctx, &c.canPop, ErrEmpty, func() error { b, err = c.TryNext(); return err }, nothingToRepair)
	return b, err
}

// Release takes the message that was lent last out of the ring.
func (c *BytesConsumer) Release() error {
	if c.lent == 0 {
		return c.fault(ErrNotReserved)
	}
	c.popped.Release()
	c.pos += c.lent
	c.lent = 0
	arch.StoreRelease64(c.head, c.pos)
	return c.freed(1)
}

// TryPop appends the next message to dst and returns the result. If there is
// none, the error is ErrEmpty or ErrClosed.
func (c *BytesConsumer) TryPop(dst []byte) ([]byte, error) {
	b, err := c.TryNext()
	if err != nil {
		return dst, err
	}
	return c.take(dst, b)
}

// Pop appends the next message to dst and returns the result, and waits for it
// if need be. If ctx ends first, it returns an error that wraps that of ctx. If the ring is closed and
// drained, it returns ErrClosed.
func (c *BytesConsumer) Pop(ctx context.Context, dst []byte) ([]byte, error) {
	b, err := c.Next(ctx)
	if err != nil {
		return dst, err
	}
	return c.take(dst, b)
}

// take appends b, the message that was lent last, to dst and releases it.
func (c *BytesConsumer) take(dst, b []byte) ([]byte, error) {
	longer := append(dst, b...)
	if err := c.Release(); err != nil {
		return dst, err
	}
	return longer, nil
}

// PopInto appends the next messages to dst one after another, as many as there
// are and as lens has room for their lengths. It returns dst, and how many
// there were. It waits for the first if need be, and then returns at least 1.
func (c *BytesConsumer) PopInto(ctx context.Context, dst []byte, lens []int) (_ []byte, n int, err error) {
	if len(lens) == 0 {
		return dst, 0, c.verdict(c.begin(ctx))
	}
	b, err := c.Next(ctx)
	if err != nil {
		return dst, 0, err
	}
	longer := dst
	for err == nil {
		longer = append(longer, b...)
		lens[n] = len(b)
		n++
		c.pos += c.lent
		longer, n = c.readRun(longer, lens, n)
		if n == len(lens) {
			break
		}
		b, err = c.TryNext() // there is padding, or nothing
	}
	c.lent = 0
	c.popped.Release()
	arch.StoreRelease64(c.head, c.pos)
	if err := c.freed(n); err != nil {
		return dst, 0, err
	}
	return longer, n, nil
}

// readRun goes on with PopInto, after n messages, for as long as messages follow
// one another.
func (c *BytesConsumer) readRun(dst []byte, lens []int, n int) ([]byte, int) {
	dst, k, size := readMany(c.body[c.offset(c.pos):], dst, lens[n:], c.MaxLen())
	c.pos += size
	n += k
	c.pushed.Acquire()
	return dst, n
}

// All returns an iterator over the messages, each lent in place for one turn of the
// loop, with a nil error. It ends after the last message of a closed ring. Where it
// ends for another reason, as when ctx or the segment has ended, it yields that error
// once, with no message. A message whose turn ends by break stays taken.
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

// Detach gives the role up, so that another process can go on as the consumer.
func (c *BytesConsumer) Detach() error {
	if c.gone {
		return c.fault(ErrDetached)
	}
	c.gone, c.lent = true, 0
	c.dropRole(c.consumer)
	return c.open()
}
