package main

import (
	"context"

	"github.com/isthmus-go/isthmus/ring"
)

// bytesMPMCRows are ring.BytesMPMC, used just as ring.Bytes is, between one
// producer and one consumer, and shared by more.
func bytesMPMCRows() []row {
	r := row{System: "ring.BytesMPMC", wire: wireSegment}
	r.attach = attachBytesMPMCTrips
	rows := tripRows(r)
	r.attach = attachSharedBytesMPMC
	rows = append(rows, sharedRows(r)...)
	rows = append(rows, sharedSizeRows(r)...)
	r.attach = attachBytesMPMCStream
	rows = append(rows, streamRows(r, streamBatches...)...)
	r.Mode = "zerocopy"
	return append(rows, streamRows(r, 1)...)
}

func attachBytesMPMCTrips(r row, in inherited) (joiner, error) {
	seg, err := openSegment(r, in)
	if err != nil {
		return nil, err
	}
	there, err := ring.NewBytesMPMC(seg, "there", tripBytes)
	if err != nil {
		return nil, err
	}
	back, err := ring.NewBytesMPMC(seg, "back", tripBytes)
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
			return spinAskBytesMPMC(out, in, r.Size), nil
		case r.Mode == "spin":
			return spinAnswerBytesMPMC(out, in, r.Size), nil
		case side == 0:
			return askBytesMPMC(out, in, r.Size), nil
		default:
			return answerBytesMPMC(out, in, r.Size), nil
		}
	}, nil
}

func spinAskBytesMPMC(out, in *ring.BytesMPMC, size int) loop {
	msg, buf := make([]byte, size), make([]byte, 0, size)
	return func(seq uint64, n int) error {
		for end := seq + uint64(n); seq != end; seq++ {
			stamp(msg, seq)
			if err := spinPushBytesMPMC(out, msg); err != nil {
				return err
			}
			m, err := spinPopBytesMPMC(in, buf)
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

func spinAnswerBytesMPMC(out, in *ring.BytesMPMC, size int) loop {
	buf := make([]byte, 0, size)
	return func(seq uint64, n int) error {
		for end := seq + uint64(n); seq != end; seq++ {
			m, err := spinPopBytesMPMC(in, buf)
			if err != nil {
				return err
			}
			if len(m) != size || !stamped(m, seq) {
				return wrongMessage(seq)
			}
			if err := spinPushBytesMPMC(out, m); err != nil {
				return err
			}
		}
		return nil
	}
}

func spinPushBytesMPMC(q *ring.BytesMPMC, msg []byte) error {
	for {
		if err := q.TryPush(msg); err != ring.ErrFull {
			return err
		}
	}
}

func spinPopBytesMPMC(q *ring.BytesMPMC, buf []byte) ([]byte, error) {
	for {
		if m, err := q.TryPop(buf); err != ring.ErrEmpty {
			return m, err
		}
	}
}

func askBytesMPMC(out, in *ring.BytesMPMC, size int) loop {
	ctx := context.Background()
	msg, buf := make([]byte, size), make([]byte, 0, size)
	return func(seq uint64, n int) error {
		for end := seq + uint64(n); seq != end; seq++ {
			stamp(msg, seq)
			if err := out.Push(ctx, msg); err != nil {
				return err
			}
			m, err := in.Pop(ctx, buf)
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

func answerBytesMPMC(out, in *ring.BytesMPMC, size int) loop {
	ctx := context.Background()
	buf := make([]byte, 0, size)
	return func(seq uint64, n int) error {
		for end := seq + uint64(n); seq != end; seq++ {
			m, err := in.Pop(ctx, buf)
			if err != nil {
				return err
			}
			if len(m) != size || !stamped(m, seq) {
				return wrongMessage(seq)
			}
			if err := out.Push(ctx, m); err != nil {
				return err
			}
		}
		return nil
	}
}
