package main

import (
	"context"

	"github.com/isthmus-go/isthmus/ring"
)

func attachBytesStream(r row, in inherited) (joiner, error) {
	seg, err := openSegment(r, in)
	if err != nil {
		return nil, err
	}
	q, err := ring.NewBytes(seg, "stream", r.Size*r.ringCapacity())
	if err != nil {
		return nil, err
	}
	return func(side int) (loop, error) {
		if side == 0 {
			p, err := q.Producer()
			switch {
			case err != nil:
				return nil, err
			case r.Mode == "zerocopy":
				return reserveBytes(p, r.Size), nil
			case r.Batch > 1:
				return pushAllBytes(p, r.Size, r.Batch), nil
			default:
				return pushBytes(p, r.Size), nil
			}
		}
		c, err := q.Consumer()
		switch {
		case err != nil:
			return nil, err
		case r.Mode == "zerocopy":
			return nextBytes(c, r.Size), nil
		case r.Batch > 1:
			return popIntoBytes(c, r.Size, r.Batch), nil
		default:
			return popBytes(c, r.Size), nil
		}
	}, nil
}

func pushBytes(p *ring.BytesProducer, size int) loop {
	ctx := context.Background()
	msg := make([]byte, size)
	return func(seq uint64, n int) error {
		for end := seq + uint64(n); seq != end; seq++ {
			stamp(msg, seq)
			if err := p.Push(ctx, msg); err != nil {
				return err
			}
		}
		return nil
	}
}

func popBytes(c *ring.BytesConsumer, size int) loop {
	ctx := context.Background()
	buf := make([]byte, 0, size)
	return func(seq uint64, n int) error {
		for end := seq + uint64(n); seq != end; seq++ {
			m, err := c.Pop(ctx, buf)
			if err != nil {
				return err
			}
			if len(m) != size || !stamped(m, seq) {
				return wrongMessage(seq)
			}
		}
		return nil
	}
}

func reserveBytes(p *ring.BytesProducer, size int) loop {
	ctx := context.Background()
	return func(seq uint64, n int) error {
		for end := seq + uint64(n); seq != end; seq++ {
			m, err := p.Reserve(ctx, size)
			if err != nil {
				return err
			}
			stamp(m[:size], seq)
			if err := p.Commit(size); err != nil {
				return err
			}
		}
		return nil
	}
}

func nextBytes(c *ring.BytesConsumer, size int) loop {
	ctx := context.Background()
	return func(seq uint64, n int) error {
		for end := seq + uint64(n); seq != end; seq++ {
			m, err := c.Next(ctx)
			if err != nil {
				return err
			}
			if len(m) != size || !stamped(m, seq) {
				return wrongMessage(seq)
			}
			if err := c.Release(); err != nil {
				return err
			}
		}
		return nil
	}
}

func pushAllBytes(p *ring.BytesProducer, size, batch int) loop {
	ctx := context.Background()
	buf, msgs := newBatch(size, batch)
	return func(seq uint64, n int) error {
		for end := seq + uint64(n); seq != end; seq += uint64(batch) {
			stampAll(buf, size, seq)
			if _, err := p.PushAll(ctx, msgs); err != nil {
				return err
			}
		}
		return nil
	}
}

func popIntoBytes(c *ring.BytesConsumer, size, batch int) loop {
	ctx := context.Background()
	buf, lens := make([]byte, 0, size*batch), make([]int, batch)
	return func(seq uint64, n int) error {
		for end := seq + uint64(n); seq != end; {
			msgs, k, err := c.PopInto(ctx, buf, lens[:min(uint64(batch), end-seq)])
			if err != nil {
				return err
			}
			if !allOf(lens[:k], size) || !stampedAll(msgs, size, seq) {
				return wrongMessage(seq)
			}
			seq += uint64(k)
		}
		return nil
	}
}
