package main

import (
	"context"

	"github.com/isthmus-go/isthmus/ring"
)

func attachSPSCStream(r row, in inherited) (joiner, error) {
	switch r.Size {
	case 8:
		return joinSPSC[[1]uint64](r, in)
	case 64:
		return joinSPSC[[8]uint64](r, in)
	case 256:
		return joinSPSC[[32]uint64](r, in)
	case 1 << 10:
		return joinSPSC[[128]uint64](r, in)
	case 4 << 10:
		return joinSPSC[[512]uint64](r, in)
	case 16 << 10:
		return joinSPSC[[2048]uint64](r, in)
	case 64 << 10:
		return joinSPSC[[8192]uint64](r, in)
	case 256 << 10:
		return joinSPSC[[32768]uint64](r, in)
	default:
		return joinSPSC[[131072]uint64](r, in)
	}
}

func joinSPSC[T message](r row, in inherited) (joiner, error) {
	seg, err := openSegment(r, in)
	if err != nil {
		return nil, err
	}
	q, err := ring.NewSPSC[T](seg, "stream", r.ringCapacity())
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
				return reserveSPSC(p), nil
			case r.Batch > 1:
				return pushAllSPSC(p, r.Batch), nil
			default:
				return pushSPSC(p), nil
			}
		}
		c, err := q.Consumer()
		switch {
		case err != nil:
			return nil, err
		case r.Mode == "zerocopy":
			return nextSPSC(c), nil
		case r.Batch > 1:
			return popIntoSPSC(c, r.Batch), nil
		default:
			return popSPSC(c), nil
		}
	}, nil
}

func pushSPSC[T message](p *ring.Producer[T]) loop {
	ctx := context.Background()
	var m T
	return func(seq uint64, n int) error {
		for end := seq + uint64(n); seq != end; seq++ {
			stampValue(&m, seq)
			if err := p.Push(ctx, m); err != nil {
				return err
			}
		}
		return nil
	}
}

func popSPSC[T message](c *ring.Consumer[T]) loop {
	ctx := context.Background()
	return func(seq uint64, n int) error {
		for end := seq + uint64(n); seq != end; seq++ {
			m, err := c.Pop(ctx)
			if err != nil {
				return err
			}
			if !stampedValue(&m, seq) {
				return wrongMessage(seq)
			}
		}
		return nil
	}
}

func reserveSPSC[T message](p *ring.Producer[T]) loop {
	ctx := context.Background()
	return func(seq uint64, n int) error {
		for end := seq + uint64(n); seq != end; seq++ {
			m, err := p.Reserve(ctx)
			if err != nil {
				return err
			}
			stampValue(m, seq)
			if err := p.Commit(); err != nil {
				return err
			}
		}
		return nil
	}
}

func nextSPSC[T message](c *ring.Consumer[T]) loop {
	ctx := context.Background()
	return func(seq uint64, n int) error {
		for end := seq + uint64(n); seq != end; seq++ {
			m, err := c.Next(ctx)
			if err != nil {
				return err
			}
			if !stampedValue(m, seq) {
				return wrongMessage(seq)
			}
			if err := c.Release(); err != nil {
				return err
			}
		}
		return nil
	}
}

func pushAllSPSC[T message](p *ring.Producer[T], batch int) loop {
	ctx := context.Background()
	ms := make([]T, batch)
	return func(seq uint64, n int) error {
		for end := seq + uint64(n); seq != end; {
			stampValues(ms, seq)
			seq += uint64(len(ms))
			if _, err := p.PushAll(ctx, ms); err != nil {
				return err
			}
		}
		return nil
	}
}

func popIntoSPSC[T message](c *ring.Consumer[T], batch int) loop {
	ctx := context.Background()
	ms := make([]T, batch)
	return func(seq uint64, n int) error {
		for end := seq + uint64(n); seq != end; {
			k, err := c.PopInto(ctx, ms[:min(uint64(batch), end-seq)])
			if err != nil {
				return err
			}
			if !stampedValues(ms[:k], seq) {
				return wrongMessage(seq)
			}
			seq += uint64(k)
		}
		return nil
	}
}
