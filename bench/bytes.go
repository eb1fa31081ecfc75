package main

import (
	"context"

	"github.com/isthmus-go/isthmus/ring"
)

// bytesRows are ring.Bytes, whose messages are byte slices of any length.
// Modes are those of ring.SPSC.
func bytesRows() []row {
	r := row{System: "ring.Bytes", wire: wireSegment}
	r.attach = attachBytesTrips
	rows := tripRows(r)
	r.attach = attachBytesStream
	rows = append(rows, streamRows(r, streamBatches...)...)
	r.Mode = "zerocopy"
	return append(rows, streamRows(r, 1)...)
}

func attachBytesTrips(r row, in inherited) (joiner, error) {
	seg, err := openSegment(r, in)
	if err != nil {
		return nil, err
	}
	there, err := ring.NewBytes(seg, "there", tripBytes)
	if err != nil {
		return nil, err
	}
	back, err := ring.NewBytes(seg, "back", tripBytes)
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
			return spinAskBytes(p, c, r.Size), nil
		case r.Mode == "spin":
			return spinAnswerBytes(p, c, r.Size), nil
		case side == 0:
			return askBytes(p, c, r.Size), nil
		default:
			return answerBytes(p, c, r.Size), nil
		}
	}, nil
}

// tripBytes holds at least as many messages as the other rings of a round trip.
const tripBytes = tripCapacity * lineSize

func spinAskBytes(p *ring.BytesProducer, c *ring.BytesConsumer, size int) loop {
	msg, buf := make([]byte, size), make([]byte, 0, size)
	return func(seq uint64, n int) error {
		for end := seq + uint64(n); seq != end; seq++ {
			stamp(msg, seq)
			if err := spinPush(p, msg); err != nil {
				return err
			}
			m, err := spinPop(c, buf)
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

func spinAnswerBytes(p *ring.BytesProducer, c *ring.BytesConsumer, size int) loop {
	buf := make([]byte, 0, size)
	return func(seq uint64, n int) error {
		for end := seq + uint64(n); seq != end; seq++ {
			m, err := spinPop(c, buf)
			if err != nil {
				return err
			}
			if len(m) != size || !stamped(m, seq) {
				return wrongMessage(seq)
			}
			if err := spinPush(p, m); err != nil {
				return err
			}
		}
		return nil
	}
}

func spinPush(p *ring.BytesProducer, msg []byte) error {
	for {
		if err := p.TryPush(msg); err != ring.ErrFull {
			return err
		}
	}
}

func spinPop(c *ring.BytesConsumer, buf []byte) ([]byte, error) {
	for {
		if m, err := c.TryPop(buf); err != ring.ErrEmpty {
			return m, err
		}
	}
}

func askBytes(p *ring.BytesProducer, c *ring.BytesConsumer, size int) loop {
	ctx := context.Background()
	msg, buf := make([]byte, size), make([]byte, 0, size)
	return func(seq uint64, n int) error {
		for end := seq + uint64(n); seq != end; seq++ {
			stamp(msg, seq)
			if err := p.Push(ctx, msg); err != nil {
				return err
			}
			m, err := c.Pop(ctx, buf)
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

func answerBytes(p *ring.BytesProducer, c *ring.BytesConsumer, size int) loop {
	ctx := context.Background()
	buf := make([]byte, 0, size)
	return func(seq uint64, n int) error {
		for end := seq + uint64(n); seq != end; seq++ {
			m, err := c.Pop(ctx, buf)
			if err != nil {
				return err
			}
			if len(m) != size || !stamped(m, seq) {
				return wrongMessage(seq)
			}
			if err := p.Push(ctx, m); err != nil {
				return err
			}
		}
		return nil
	}
}
