package main

import (
	"context"

	"github.com/isthmus-go/isthmus/ring"
)

func attachMPMCStream(r row, in inherited) (joiner, error) {
	switch r.Size {
	case 8:
		return joinMPMC[[1]uint64](r, in)
	case 64:
		return joinMPMC[[8]uint64](r, in)
	case 256:
		return joinMPMC[[32]uint64](r, in)
	case 1 << 10:
		return joinMPMC[[128]uint64](r, in)
	case 4 << 10:
		return joinMPMC[[512]uint64](r, in)
	case 16 << 10:
		return joinMPMC[[2048]uint64](r, in)
	case 64 << 10:
		return joinMPMC[[8192]uint64](r, in)
	case 256 << 10:
		return joinMPMC[[32768]uint64](r, in)
	default:
		return joinMPMC[[131072]uint64](r, in)
	}
}

func joinMPMC[T message](r row, in inherited) (joiner, error) {
	seg, err := openSegment(r, in)
	if err != nil {
		return nil, err
	}
	q, err := ring.NewMPMC[T](seg, "stream", r.ringCapacity())
	if err != nil {
		return nil, err
	}
	return func(side int) (loop, error) {
		switch {
		case r.Mode == "zerocopy" && side == 0:
			return reserveMPMC(q), nil
		case r.Mode == "zerocopy":
			return nextMPMC(q), nil
		case r.Batch > 1 && side == 0:
			return pushAllMPMC(q, r.Batch), nil
		case r.Batch > 1:
			return popIntoMPMC(q, r.Batch), nil
		case side == 0:
			return pushMPMC(q), nil
		default:
			return popMPMC(q), nil
		}
	}, nil
}

func pushMPMC[T message](q *ring.MPMC[T]) loop {
	ctx := context.Background()
	var m T
	return func(seq uint64, n int) error {
		for end := seq + uint64(n); seq != end; seq++ {
			stampValue(&m, seq)
			if err := q.Push(ctx, m); err != nil {
				return err
			}
		}
		return nil
	}
}

func popMPMC[T message](q *ring.MPMC[T]) loop {
	ctx := context.Background()
	return func(seq uint64, n int) error {
		for end := seq + uint64(n); seq != end; seq++ {
			m, err := q.Pop(ctx)
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

func reserveMPMC[T message](q *ring.MPMC[T]) loop {
	ctx := context.Background()
	return func(seq uint64, n int) error {
		for end := seq + uint64(n); seq != end; seq++ {
			m, err := q.Reserve(ctx)
			if err != nil {
				return err
			}
			stampValue(m.Value(), seq)
			if err := m.Commit(); err != nil {
				return err
			}
		}
		return nil
	}
}

func nextMPMC[T message](q *ring.MPMC[T]) loop {
	ctx := context.Background()
	return func(seq uint64, n int) error {
		for end := seq + uint64(n); seq != end; seq++ {
			m, err := q.Next(ctx)
			if err != nil {
				return err
			}
			if !stampedValue(m.Value(), seq) {
				return wrongMessage(seq)
			}
			if err := m.Release(); err != nil {
				return err
			}
		}
		return nil
	}
}

func pushAllMPMC[T message](q *ring.MPMC[T], batch int) loop {
	ctx := context.Background()
	ms := make([]T, batch)
	return func(seq uint64, n int) error {
		for end := seq + uint64(n); seq != end; {
			stampValues(ms, seq)
			seq += uint64(len(ms))
			if _, err := q.PushAll(ctx, ms); err != nil {
				return err
			}
		}
		return nil
	}
}

func popIntoMPMC[T message](q *ring.MPMC[T], batch int) loop {
	ctx := context.Background()
	ms := make([]T, batch)
	return func(seq uint64, n int) error {
		for end := seq + uint64(n); seq != end; {
			k, err := q.PopInto(ctx, ms[:min(uint64(batch), end-seq)])
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
