package main

import (
	"context"
	"encoding/binary"

	"github.com/isthmus-go/isthmus/ring"
)

func attachSharedBytesMPMC(r row, in inherited) (joiner, error) {
	seg, err := openSegment(r, in)
	if err != nil {
		return nil, err
	}
	q, err := ring.NewBytesMPMC(seg, "shared", r.chunkedCapacity())
	if err != nil {
		return nil, err
	}
	return func(side int) (loop, error) {
		switch {
		case r.Mode == both && r.Batch > 1:
			return exchangeAllBytesMPMC(q, side, r.Size, r.Batch), nil
		case r.Mode == both:
			return exchangeBytesMPMC(q, side, r.Size), nil
		case r.sends(side):
			return sendBytesMPMC(q, side, r.Size), nil
		default:
			return receiveBytesMPMC(q, r.Size), nil
		}
	}, nil
}

// takeBytes is take for a message of bytes that has its number in each line. If it
// reports false, m is the number.
func (a *arrivals) takeBytes(b []byte, size int) (m uint64, ok bool) {
	if len(b) != size {
		return 0, false
	}
	return a.takeAll(b, size)
}

// takeAll is takeBytes for the messages in buf, which are of one size.
func (a *arrivals) takeAll(buf []byte, size int) (m uint64, ok bool) {
	for start := 0; start < len(buf); start += size {
		m = binary.LittleEndian.Uint64(buf[start:])
		for i := lineSize; i < size; i += lineSize {
			if binary.LittleEndian.Uint64(buf[start+i:]) != m {
				return m, false
			}
		}
		if !a.take(m) {
			return m, false
		}
	}
	return m, true
}

func exchangeBytesMPMC(q *ring.BytesMPMC, side, size int) loop {
	ctx := context.Background()
	seen := new(arrivals)
	msg, buf := make([]byte, size), make([]byte, 0, size)
	return func(seq uint64, n int) error {
		for end := seq + uint64(n); seq != end; seq++ {
			stamp(msg, numbered(side, seq))
			if err := q.Push(ctx, msg); err != nil {
				return err
			}
			b, err := q.Pop(ctx, buf)
			if err != nil {
				return err
			}
			if m, ok := seen.takeBytes(b, size); !ok {
				return wrongArrival(m)
			}
		}
		return nil
	}
}

// exchangeAllBytesMPMC receives as many messages as it has sent, in as many
// portions as they come in.
func exchangeAllBytesMPMC(q *ring.BytesMPMC, side, size, batch int) loop {
	ctx := context.Background()
	seen := new(arrivals)
	out, msgs := newBatch(size, batch)
	buf, lens := make([]byte, 0, size*batch), make([]int, batch)
	return func(seq uint64, n int) error {
		for end := seq + uint64(n); seq != end; seq += uint64(batch) {
			stampAll(out, size, numbered(side, seq))
			if _, err := q.PushAll(ctx, msgs); err != nil {
				return err
			}
			for left := lens; len(left) > 0; {
				bs, k, err := q.PopInto(ctx, buf, left)
				if err != nil {
					return err
				}
				if !allOf(left[:k], size) {
					return wrongArrival(0)
				}
				if m, ok := seen.takeAll(bs, size); !ok {
					return wrongArrival(m)
				}
				left = left[k:]
			}
		}
		return nil
	}
}

func sendBytesMPMC(q *ring.BytesMPMC, side, size int) loop {
	ctx := context.Background()
	msg := make([]byte, size)
	return func(seq uint64, n int) error {
		for end := seq + uint64(n); seq != end; seq++ {
			stamp(msg, numbered(side, seq))
			if err := q.Push(ctx, msg); err != nil {
				return err
			}
		}
		return nil
	}
}

func receiveBytesMPMC(q *ring.BytesMPMC, size int) loop {
	ctx := context.Background()
	seen := new(arrivals)
	buf := make([]byte, 0, size)
	return func(_ uint64, n int) error {
		for range n {
			b, err := q.Pop(ctx, buf)
			if err != nil {
				return err
			}
			if m, ok := seen.takeBytes(b, size); !ok {
				return wrongArrival(m)
			}
		}
		return nil
	}
}
