package main

import (
	"context"
	"fmt"

	"github.com/isthmus-go/isthmus/ring"
)

// The sides of a shared queue number their messages each for itself, and
// send their own number along. So no receiver knows which message comes next;
// but those of one sender must come to it in their order.

const sideShift = 56

func numbered(side int, seq uint64) uint64 { return uint64(side)<<sideShift | (seq + 1) }

// An arrivals is what one receiver has seen.
type arrivals [crowd]uint64 // the last message of each sender

// take reports whether m may come next.
func (a *arrivals) take(m uint64) bool {
	side := m >> sideShift
	if side >= crowd || m <= a[side] {
		return false
	}
	a[side] = m
	return true
}

func wrongArrival(m uint64) error {
	return fmt.Errorf("message %d of side %d is damaged or out of order", m&(1<<sideShift-1), m>>sideShift)
}

// sends reports whether the side of a row in mode split is one that sends.
func (r row) sends(side int) bool { return side < r.Procs/2 }

func attachSharedMPMC(r row, in inherited) (joiner, error) {
	seg, err := openSegment(r, in)
	if err != nil {
		return nil, err
	}
	q, err := ring.NewMPMC[uint64](seg, "shared", r.ringCapacity())
	if err != nil {
		return nil, err
	}
	return func(side int) (loop, error) {
		switch {
		case r.Mode == both && r.Batch > 1:
			return exchangeAllMPMC(q, side, r.Batch), nil
		case r.Mode == both:
			return exchangeMPMC(q, side), nil
		case r.sends(side):
			return sendMPMC(q, side), nil
		default:
			return receiveMPMC(q), nil
		}
	}, nil
}

func exchangeMPMC(q *ring.MPMC[uint64], side int) loop {
	ctx := context.Background()
	seen := new(arrivals)
	return func(seq uint64, n int) error {
		for end := seq + uint64(n); seq != end; seq++ {
			if err := q.Push(ctx, numbered(side, seq)); err != nil {
				return err
			}
			m, err := q.Pop(ctx)
			if err != nil {
				return err
			}
			if !seen.take(m) {
				return wrongArrival(m)
			}
		}
		return nil
	}
}

// exchangeAllMPMC receives as many messages as it has sent, in as many
// portions as they come in.
func exchangeAllMPMC(q *ring.MPMC[uint64], side, batch int) loop {
	ctx := context.Background()
	seen := new(arrivals)
	ms := make([]uint64, batch)
	return func(seq uint64, n int) error {
		for end := seq + uint64(n); seq != end; {
			for i := range ms {
				ms[i] = numbered(side, seq)
				seq++
			}
			if _, err := q.PushAll(ctx, ms); err != nil {
				return err
			}
			for left := ms; len(left) > 0; {
				k, err := q.PopInto(ctx, left)
				if err != nil {
					return err
				}
				for _, m := range left[:k] {
					if !seen.take(m) {
						return wrongArrival(m)
					}
				}
				left = left[k:]
			}
		}
		return nil
	}
}

func sendMPMC(q *ring.MPMC[uint64], side int) loop {
	ctx := context.Background()
	return func(seq uint64, n int) error {
		for end := seq + uint64(n); seq != end; seq++ {
			if err := q.Push(ctx, numbered(side, seq)); err != nil {
				return err
			}
		}
		return nil
	}
}

func receiveMPMC(q *ring.MPMC[uint64]) loop {
	ctx := context.Background()
	seen := new(arrivals)
	return func(_ uint64, n int) error {
		for range n {
			m, err := q.Pop(ctx)
			if err != nil {
				return err
			}
			if !seen.take(m) {
				return wrongArrival(m)
			}
		}
		return nil
	}
}
