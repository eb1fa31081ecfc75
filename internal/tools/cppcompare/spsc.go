//go:build linux

package main

import (
	"context"

	"github.com/isthmus-go/isthmus/ring"
	"github.com/isthmus-go/isthmus/shm"
)

// A form is how a stream uses its ring.
type form int

const (
	oneByOne form = iota
	inPlace
	batches
)

func attachSPSC[T message](f form) func(*shm.Segment, int) (loop, error) {
	return func(seg *shm.Segment, side int) (loop, error) {
		q, err := ring.NewSPSC[T](seg, "stream", slots[T]())
		if err != nil {
			return nil, err
		}
		if side == 0 {
			p, err := q.Producer()
			if err != nil {
				return nil, err
			}
			return []loop{oneByOne: push(p), inPlace: reserve(p), batches: pushAll(p)}[f], nil
		}
		c, err := q.Consumer()
		if err != nil {
			return nil, err
		}
		return []loop{oneByOne: pop(c), inPlace: next(c), batches: popInto(c)}[f], nil
	}
}

func push[T message](p *ring.Producer[T]) loop {
	ctx := context.Background()
	var m T
	return func(seq uint64, n int) error {
		for end := seq + uint64(n); seq != end; seq++ {
			stamp(&m, seq)
			if err := p.Push(ctx, m); err != nil {
				return err
			}
		}
		return nil
	}
}

func pop[T message](c *ring.Consumer[T]) loop {
	ctx := context.Background()
	return func(seq uint64, n int) error {
		for end := seq + uint64(n); seq != end; seq++ {
			m, err := c.Pop(ctx)
			if err != nil {
				return err
			}
			if !stamped(&m, seq) {
				return wrongMessage(seq)
			}
		}
		return nil
	}
}

func reserve[T message](p *ring.Producer[T]) loop {
	ctx := context.Background()
	return func(seq uint64, n int) error {
		for end := seq + uint64(n); seq != end; seq++ {
			m, err := p.Reserve(ctx)
			if err != nil {
				return err
			}
			stamp(m, seq)
			if err := p.Commit(); err != nil {
				return err
			}
		}
		return nil
	}
}

func next[T message](c *ring.Consumer[T]) loop {
	ctx := context.Background()
	return func(seq uint64, n int) error {
		for end := seq + uint64(n); seq != end; seq++ {
			m, err := c.Next(ctx)
			if err != nil {
				return err
			}
			if !stamped(m, seq) {
				return wrongMessage(seq)
			}
			if err := c.Release(); err != nil {
				return err
			}
		}
		return nil
	}
}

// batch is the most messages that one call hands over.
const batch = 256

func pushAll[T message](p *ring.Producer[T]) loop {
	ctx := context.Background()
	ms := make([]T, batch)
	return func(seq uint64, n int) error {
		for end := seq + uint64(n); seq != end; {
			some := ms[:min(batch, end-seq)]
			for i := range some {
				stamp(&some[i], seq)
				seq++
			}
			if _, err := p.PushAll(ctx, some); err != nil {
				return err
			}
		}
		return nil
	}
}

func popInto[T message](c *ring.Consumer[T]) loop {
	ctx := context.Background()
	ms := make([]T, batch)
	return func(seq uint64, n int) error {
		for end := seq + uint64(n); seq != end; {
			k, err := c.PopInto(ctx, ms[:min(batch, end-seq)])
			if err != nil {
				return err
			}
			some := ms[:k]
			for i := range some {
				if !stamped(&some[i], seq) {
					return wrongMessage(seq)
				}
				seq++
			}
		}
		return nil
	}
}
