package ring_test

import (
	"bytes"
	"context"
	"fmt"
	"iter"

	"github.com/isthmus-go/isthmus/ring"
	"github.com/isthmus-go/isthmus/shm"
)

type bytesQueue struct {
	handle
	ring *ring.Bytes
}

// newBytes makes a ring with about that many messages' room.
func newBytes(s *shm.Segment, name string, capacity int, opts ...ring.Option) (queue, error) {
	r, err := ring.NewBytes(s, name, 32*capacity, opts...)
	return bytesQueue{r, r}, err
}

// text makes message n. Its length follows from n, from 8 up to 100 bytes and
// to what the ring can hold.
func text(r *ring.Bytes, n uint64) []byte {
	b := make([]byte, 8+n*7%uint64(min(100, r.MaxLen())-7))
	fill(b, n)
	return b
}

// read is the inverse of text.
func (q bytesQueue) read(b []byte, err error) (uint64, error) {
	if err != nil {
		return 0, err
	}
	if len(b) < 8 {
		return 0, fmt.Errorf("message of %d bytes", len(b))
	}
	n := number(b)
	if !bytes.Equal(b, text(q.ring, n)) {
		return n, fmt.Errorf("message %d is torn: %x", n, b)
	}
	return n, nil
}

func (q bytesQueue) Mask() uint64 { return ^uint64(0) }

func (q bytesQueue) Producer() (producer, error) {
	p, err := q.ring.Producer()
	return bytesProducer{p, q}, err
}

func (q bytesQueue) Consumer() (consumer, error) {
	c, err := q.ring.Consumer()
	return bytesConsumer{c, q}, err
}

type bytesProducer struct {
	*ring.BytesProducer
	q bytesQueue
}

func (p bytesProducer) TryPush(n uint64) error {
	return p.BytesProducer.TryPush(text(p.q.ring, n))
}

func (p bytesProducer) Push(ctx context.Context, n uint64) error {
	return p.BytesProducer.Push(ctx, text(p.q.ring, n))
}

func (p bytesProducer) PushAll(ctx context.Context, from, to uint64) (int, error) {
	var bs [][]byte
	for n := from; n < to; n++ {
		bs = append(bs, text(p.q.ring, n))
	}
	return p.BytesProducer.PushAll(ctx, bs)
}

func (p bytesProducer) TryReserve(n uint64) (func() error, error) {
	return p.write(n)(p.BytesProducer.TryReserve(p.room(n)))
}

func (p bytesProducer) Reserve(ctx context.Context, n uint64) (func() error, error) {
	return p.write(n)(p.BytesProducer.Reserve(ctx, p.room(n)))
}

// room is how much to reserve for message n: at times more than it has.
func (p bytesProducer) room(n uint64) int {
	return min(len(text(p.q.ring, n))+int(n%3)*9, p.q.ring.MaxLen())
}

func (p bytesProducer) write(n uint64) func([]byte, error) (func() error, error) {
	return func(b []byte, err error) (func() error, error) {
		var k int
		if err == nil {
			k = copy(b, text(p.q.ring, n))
		}
		return func() error { return p.Commit(k) }, err
	}
}

type bytesConsumer struct {
	*ring.BytesConsumer
	q bytesQueue
}

func (c bytesConsumer) TryPop() (uint64, error) { return c.q.read(c.BytesConsumer.TryPop(nil)) }
func (c bytesConsumer) Pop(ctx context.Context) (uint64, error) {
	return c.q.read(c.BytesConsumer.Pop(ctx, nil))
}

func (c bytesConsumer) PopInto(ctx context.Context, most int) (ns []uint64, err error) {
	lens := make([]int, most)
	b, k, err := c.BytesConsumer.PopInto(ctx, nil, lens)
	for _, l := range lens[:k] {
		n, torn := c.q.read(b[:l], nil)
		if torn != nil {
			return nil, torn
		}
		ns, b = append(ns, n), b[l:]
	}
	return ns, err
}

func (c bytesConsumer) TryNext() (uint64, func() error, error) {
	n, err := c.q.read(c.BytesConsumer.TryNext())
	return n, c.Release, err
}

func (c bytesConsumer) Next(ctx context.Context) (uint64, func() error, error) {
	n, err := c.q.read(c.BytesConsumer.Next(ctx))
	return n, c.Release, err
}

func (c bytesConsumer) All(ctx context.Context) iter.Seq2[uint64, error] {
	return func(yield func(uint64, error) bool) {
		for b, err := range c.BytesConsumer.All(ctx) {
			if !yield(c.q.read(b, err)) {
				return
			}
		}
	}
}
