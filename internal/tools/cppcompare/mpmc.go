//go:build linux

package main

import (
	"context"

	"github.com/isthmus-go/isthmus/ring"
	"github.com/isthmus-go/isthmus/shm"
)

func newMPMC(seg *shm.Segment) (*ring.MPMC[[1]uint64], error) {
	return ring.NewMPMC[[1]uint64](seg, "queue", slots[[1]uint64]())
}

// attachStreamMPMC: side 0 pushes and side 1 pops.
func attachStreamMPMC(seg *shm.Segment, side int) (loop, error) {
	q, err := newMPMC(seg)
	if err != nil {
		return nil, err
	}
	ctx := context.Background()
	if side == 0 {
		return func(seq uint64, n int) error {
			for end := seq + uint64(n); seq != end; seq++ {
				if err := q.Push(ctx, [1]uint64{seq}); err != nil {
					return err
				}
			}
			return nil
		}, nil
	}
	return func(seq uint64, n int) error {
		for end := seq + uint64(n); seq != end; seq++ {
			m, err := q.Pop(ctx)
			if err != nil {
				return err
			}
			if !stamped(&m, seq) {
				return wrongMessage(seq)
			}
		}
		return nil
	}, nil
}

// attachBothMPMC: each side pushes a message and pops one, whosever it is.
func attachBothMPMC(seg *shm.Segment, _ int) (loop, error) {
	q, err := newMPMC(seg)
	if err != nil {
		return nil, err
	}
	ctx := context.Background()
	return func(seq uint64, n int) error {
		for end := seq + uint64(n); seq != end; seq++ {
			if err := q.Push(ctx, [1]uint64{seq}); err != nil {
				return err
			}
			if _, err := q.Pop(ctx); err != nil {
				return err
			}
		}
		return nil
	}, nil
}
