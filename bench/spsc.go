package main

import (
	"context"

	"github.com/isthmus-go/isthmus/ring"
)

// spscRows are ring.SPSC. Round trips go over a ring each way. In mode spin
// both sides poll TryPush and TryPop, in mode default they wait in Push and
// Pop, in mode park too, and sleep at once. Streams push and pop by value;
// in mode zerocopy they fill and read the messages in the ring.
func spscRows() []row {
	r := row{System: "ring.SPSC", wire: wireSegment}
	r.attach = attachSPSCTrips
	rows := tripRows(r)
	r.attach = attachSPSCStream
	rows = append(rows, streamRows(r, streamBatches...)...)
	rows = append(rows, capacityRows(r)...)
	r.Mode = "zerocopy"
	return append(rows, streamRows(r, 1)...)
}

func attachSPSCTrips(r row, in inherited) (joiner, error) {
	seg, err := openSegment(r, in)
	if err != nil {
		return nil, err
	}
	there, err := ring.NewSPSC[[1]uint64](seg, "there", tripCapacity)
	if err != nil {
		return nil, err
	}
	back, err := ring.NewSPSC[[1]uint64](seg, "back", tripCapacity)
	if err != nil {
		return nil, err
	}
	return func(side int) (loop, error) {
		out, in := there, back
		if side == 1 {
			out, in = back, there
		}
		p, err := out.Producer()
		if err != nil {
			return nil, err
		}
		c, err := in.Consumer()
		if err != nil {
			return nil, err
		}
		switch {
		case r.Mode == "spin" && side == 0:
			return spinAskSPSC(p, c), nil
		case r.Mode == "spin":
			return spinAnswerSPSC(p, c), nil
		case side == 0:
			return askSPSC(p, c), nil
		default:
			return answerSPSC(p, c), nil
		}
	}, nil
}

func spinAskSPSC(p *ring.Producer[[1]uint64], c *ring.Consumer[[1]uint64]) loop {
	return func(seq uint64, n int) error {
		for end := seq + uint64(n); seq != end; seq++ {
			for {
				err := p.TryPush([1]uint64{seq})
				if err == nil {
					break
				}
				if err != ring.ErrFull {
					return err
				}
			}
			for {
				m, err := c.TryPop()
				if err == nil {
					if m[0] != seq {
						return wrongMessage(seq)
					}
					break
				}
				if err != ring.ErrEmpty {
					return err
				}
			}
		}
		return nil
	}
}

func spinAnswerSPSC(p *ring.Producer[[1]uint64], c *ring.Consumer[[1]uint64]) loop {
	return func(seq uint64, n int) error {
		for end := seq + uint64(n); seq != end; seq++ {
			for {
				m, err := c.TryPop()
				if err == nil {
					if m[0] != seq {
						return wrongMessage(seq)
					}
					break
				}
				if err != ring.ErrEmpty {
					return err
				}
			}
			for {
				err := p.TryPush([1]uint64{seq})
				if err == nil {
					break
				}
				if err != ring.ErrFull {
					return err
				}
			}
		}
		return nil
	}
}

func askSPSC(p *ring.Producer[[1]uint64], c *ring.Consumer[[1]uint64]) loop {
	ctx := context.Background()
	return func(seq uint64, n int) error {
		for end := seq + uint64(n); seq != end; seq++ {
			if err := p.Push(ctx, [1]uint64{seq}); err != nil {
				return err
			}
			m, err := c.Pop(ctx)
			if err != nil {
				return err
			}
			if m[0] != seq {
				return wrongMessage(seq)
			}
		}
		return nil
	}
}

func answerSPSC(p *ring.Producer[[1]uint64], c *ring.Consumer[[1]uint64]) loop {
	ctx := context.Background()
	return func(seq uint64, n int) error {
		for end := seq + uint64(n); seq != end; seq++ {
			m, err := c.Pop(ctx)
			if err != nil {
				return err
			}
			if m[0] != seq {
				return wrongMessage(seq)
			}
			if err := p.Push(ctx, m); err != nil {
				return err
			}
		}
		return nil
	}
}
