package main

import (
	"context"

	"github.com/isthmus-go/isthmus/ring"
)

// mpmcRows are ring.MPMC, used just as ring.SPSC is, between one producer and
// one consumer, and shared by more.
func mpmcRows() []row {
	r := row{System: "ring.MPMC", wire: wireSegment}
	r.attach = attachMPMCTrips
	rows := tripRows(r)
	r.attach = attachSharedMPMC
	rows = append(rows, sharedRows(r)...)
	r.attach = attachMPMCStream
	rows = append(rows, streamRows(r, streamBatches...)...)
	rows = append(rows, capacityRows(r)...)
	r.Mode = "zerocopy"
	return append(rows, streamRows(r, 1)...)
}

func attachMPMCTrips(r row, in inherited) (joiner, error) {
	seg, err := openSegment(r, in)
	if err != nil {
		return nil, err
	}
	there, err := ring.NewMPMC[[1]uint64](seg, "there", tripCapacity)
	if err != nil {
		return nil, err
	}
	back, err := ring.NewMPMC[[1]uint64](seg, "back", tripCapacity)
	if err != nil {
		return nil, err
	}
	return func(side int) (loop, error) {
		out, in := there, back
		if side == 1 {
			out, in = back, there
		}
		switch {
		case r.Mode == "spin" && side == 0:
			return spinAskMPMC(out, in), nil
		case r.Mode == "spin":
			return spinAnswerMPMC(out, in), nil
		case side == 0:
			return askMPMC(out, in), nil
		default:
			return answerMPMC(out, in), nil
		}
	}, nil
}

func spinAskMPMC(out, in *ring.MPMC[[1]uint64]) loop {
	return func(seq uint64, n int) error {
		for end := seq + uint64(n); seq != end; seq++ {
			for {
				err := out.TryPush([1]uint64{seq})
				if err == nil {
					break
				}
				if err != ring.ErrFull {
					return err
				}
			}
			for {
				m, err := in.TryPop()
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

func spinAnswerMPMC(out, in *ring.MPMC[[1]uint64]) loop {
	return func(seq uint64, n int) error {
		for end := seq + uint64(n); seq != end; seq++ {
			for {
				m, err := in.TryPop()
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
				err := out.TryPush([1]uint64{seq})
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

func askMPMC(out, in *ring.MPMC[[1]uint64]) loop {
	ctx := context.Background()
	return func(seq uint64, n int) error {
		for end := seq + uint64(n); seq != end; seq++ {
			if err := out.Push(ctx, [1]uint64{seq}); err != nil {
				return err
			}
			m, err := in.Pop(ctx)
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

func answerMPMC(out, in *ring.MPMC[[1]uint64]) loop {
	ctx := context.Background()
	return func(seq uint64, n int) error {
		for end := seq + uint64(n); seq != end; seq++ {
			m, err := in.Pop(ctx)
			if err != nil {
				return err
			}
			if m[0] != seq {
				return wrongMessage(seq)
			}
			if err := out.Push(ctx, m); err != nil {
				return err
			}
		}
		return nil
	}
}
