package ring

import (
	"sync/atomic"
	"time"

	"github.com/isthmus-go/isthmus/internal/arch"
	"github.com/isthmus-go/isthmus/internal/wait"
)

// crowd is all subscribers of a ring, as its producer sees them.
type crowd struct {
	*broadcast
	slowest uint64    // of a lossless ring: nobody was behind this when last looked
	raised  uint64    // of a lossless ring: the limit after which it has looked
	failed  uint      // looks in vain
	swept   time.Time // when a try operation last looked for the dead
}

// looksInVain is after how many the producer looks for the dead in a try operation, or
// after a Slice if that is earlier.
const looksInVain = 64

// refresh makes room for a producer, by a chunk at most, or fails with ErrFull.
func (c *crowd) refresh(p *pusher) error {
	if p.over != nil {
		return p.over
	}
	end := (p.pos + c.chunk) &^ (c.chunk - 1)
	if c.lines.none() {
		c.raise(end)
		arch.StoreFence()
		p.limit = end
		return c.check()
	}
	end, err := c.gate(p.pos, end)
	c.popped.Acquire()
	if err := c.verdict(err); err != nil {
		return err
	}
	p.limit = end
	if end == p.pos {
		c.failed++
		if now := time.Now(); c.failed%looksInVain == 0 || now.Sub(c.swept) >= wait.Slice() {
			c.swept = now
			c.sweep()
		}
		return ErrFull
	}
	return nil
}

// gate returns how far the producer at pos may write in a lossless ring: up to end, or
// pos if there is no room.
func (c *crowd) gate(pos, end uint64) (uint64, error) {
	if pos-c.slowest >= c.capacity {
		if err := c.look(pos); err != nil || pos-c.slowest >= c.capacity {
			return pos, err
		}
	}
	if end != c.raised { // else who has come since has seen this limit
		c.raise(end)
		arch.Fence() // Invariant 4
		if err := c.look(pos); err != nil {
			return pos, err
		}
		c.raised = end
	}
	return c.within(pos, end), nil
}

// within returns end, or how far the slowest subscriber lets the producer at pos go.
func (c *crowd) within(pos, end uint64) uint64 {
	return min(end, pos+c.capacity-min(pos-c.slowest, c.capacity))
}

// look finds the slowest subscriber.
func (c *crowd) look(pos uint64) error {
	slowest, err := c.lines.slowest(pos)
	if err != nil {
		return c.fault(err)
	}
	c.slowest = slowest
	return nil
}

// raise raises the limit.
func (c *crowd) raise(end uint64) {
	if int64(end-atomic.LoadUint64(c.limit())) > 0 {
		arch.StoreRelease64(c.limit(), end)
	}
}

// sweep frees the lines of the dead.
func (b *broadcast) sweep() {
	for range b.lines.sweep(b.core) {
		b.repaired()
	}
}
