package main

import (
	"context"

	"github.com/isthmus-go/isthmus/ring"
)

func attachBytesMPMCStream(r row, in inherited) (joiner, error) {
	seg, err := openSegment(r, in)
	if err != nil {
		return nil, err
	}
	q, err := ring.NewBytesMPMC(seg, "stream", r.chunkedCapacity())
	if err != nil {
		return nil, err
	}
	return func(side int) (loop, error) {
		switch {
		case r.Mode == "zerocopy" && side == 0:
			return reserveBytesMPMC(q, r.Size), nil
		case r.Mode == "zerocopy":
			return nextBytesMPMC(q, r.Size), nil
		case r.Batch > 1 && side == 0:
			return pushAllBytesMPMC(q, r.Size, r.Batch), nil
		case r.Batch > 1:
			return popIntoBytesMPMC(q, r.Size, r.Batch), nil
		case side == 0:
			return pushBytesMPMC(q, r.Size), nil
		default:
			return popBytesMPMC(q, r.Size), nil
		}
	}, nil
}

func pushBytesMPMC(q *ring.BytesMPMC, size int) loop {
	ctx := context.Background()
	msg := make([]byte, size)
	return func(seq uint64, n int) error {
		for end := seq + uint64(n); seq != end; seq++ {
			stamp(msg, seq)
			if err := q.Push(ctx, msg); err != nil {
				return err
			}
		}
		return nil
	}
}

func popBytesMPMC(q *ring.BytesMPMC, size int) loop {
	ctx := context.Background()
	buf := make([]byte, 0, size)
	return func(seq uint64, n int) error {
		for end := seq + uint64(n); seq != end; seq++ {
			m, err := q.Pop(ctx, buf)
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

func reserveBytesMPMC(q *ring.BytesMPMC, size int) loop {
	ctx := context.Background()
	return func(seq uint64, n int) error {
		for end := seq + uint64(n); seq != end; seq++ {
			m, err := q.Reserve(ctx, size)
			if err != nil {
				return err
			}
			stamp(m.Bytes(), seq)
			if err := m.Commit(size); err != nil {
				return err
			}
		}
		return nil
	}
}

func nextBytesMPMC(q *ring.BytesMPMC, size int) loop {
	ctx := context.Background()
	return func(seq uint64, n int) error {
		for end := seq + uint64(n); seq != end; seq++ {
			m, err := q.Next(ctx)
			if err != nil {
				return err
			}
			if len(m.Bytes()) != size || !stamped(m.Bytes(), seq) {
				return wrongMessage(seq)
			}
			if err := m.Release(); err != nil {
				return err
			}
		}
		return nil
	}
}

func pushAllBytesMPMC(q *ring.BytesMPMC, size, batch int) loop {
	ctx := context.Background()
	buf, msgs := newBatch(size, batch)
	return func(seq uint64, n int) error {
		for end := seq + uint64(n); seq != end; seq += uint64(batch) {
			stampAll(buf, size, seq)
			if _, err := q.PushAll(ctx, msgs); err != nil {
				return err
			}
		}
		return nil
	}
}

func popIntoBytesMPMC(q *ring.BytesMPMC, size, batch int) loop {
	ctx := context.Background()
	buf, lens := make([]byte, 0, size*batch), make([]int, batch)
	return func(seq uint64, n int) error {
		for end := seq + uint64(n); seq != end; {
			msgs, k, err := q.PopInto(ctx, buf, lens[:min(uint64(batch), end-seq)])
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
