//go:build linux

package main

import (
	"context"

	"github.com/isthmus-go/isthmus/ring"
	"github.com/isthmus-go/isthmus/shm"
)

// attachTrips makes a ring there and one back. Side 0 asks.
func attachTrips(seg *shm.Segment, side int) (loop, error) {
	ends := [2]*ring.SPSC[uint64]{}
	for i, name := range []string{"there", "back"} {
		var err error
		if ends[i], err = ring.NewSPSC[uint64](seg, name, 64); err != nil {
			return nil, err
		}
	}
	p, err := ends[side].Producer()
	if err != nil {
		return nil, err
	}
	c, err := ends[1-side].Consumer()
	if err != nil {
		return nil, err
	}
	if side == 0 {
		return ask(p, c), nil
	}
	return answer(p, c), nil
}

func ask(p *ring.Producer[uint64], c *ring.Consumer[uint64]) loop {
	ctx := context.Background()
	return func(seq uint64, n int) error {
		for end := seq + uint64(n); seq != end; seq++ {
			if err := p.Push(ctx, seq); err != nil {
				return err
			}
			m, err := c.Pop(ctx)
			if err != nil {
				return err
			}
			if m != seq {
				return wrongMessage(seq)
			}
		}
		return nil
	}
}

func answer(p *ring.Producer[uint64], c *ring.Consumer[uint64]) loop {
	ctx := context.Background()
	return func(_ uint64, n int) error {
		for range n {
			m, err := c.Pop(ctx)
			if err != nil {
				return err
			}
			if err := p.Push(ctx, m); err != nil {
				return err
			}
		}
		return nil
	}
}
