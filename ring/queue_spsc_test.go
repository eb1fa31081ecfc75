package ring_test

import (
	"context"

	"github.com/isthmus-go/isthmus/ring"
	"github.com/isthmus-go/isthmus/shm"
)

type spscQueue[T comparable] struct {
	handle
	shape[T]
	ring *ring.SPSC[T]
}

func newSPSC[T comparable](s shape[T]) func(*shm.Segment, string, int, ...ring.Option) (queue, error) {
	return func(seg *shm.Segment, name string, capacity int, opts ...ring.Option) (queue, error) {
		r, err := ring.NewSPSC[T](seg, name, capacity, opts...)
		return spscQueue[T]{r, s, r}, err
	}
}

func (q spscQueue[T]) Producer() (producer, error) {
	p, err := q.ring.Producer()
	return spscProducer[T]{pushEnd[T]{p, q.shape}, p}, err
}

func (q spscQueue[T]) Consumer() (consumer, error) {
	c, err := q.ring.Consumer()
	return spscConsumer[T]{popEnd[T]{c, q.shape}, c}, err
}

type spscProducer[T comparable] struct {
	pushEnd[T]
	end *ring.Producer[T]
}

func (p spscProducer[T]) Detach() error { return p.end.Detach() }

func (p spscProducer[T]) TryReserve(n uint64) (func() error, error) {
	return p.write(n)(p.end.TryReserve())
}

func (p spscProducer[T]) Reserve(ctx context.Context, n uint64) (func() error, error) {
	return p.write(n)(p.end.Reserve(ctx))
}

func (p spscProducer[T]) write(n uint64) func(*T, error) (func() error, error) {
	return func(v *T, err error) (func() error, error) {
		if err == nil {
			*v = p.make(n)
		}
		return p.end.Commit, err
	}
}

type spscConsumer[T comparable] struct {
	popEnd[T]
	end *ring.Consumer[T]
}

func (c spscConsumer[T]) Detach() error { return c.end.Detach() }

func (c spscConsumer[T]) TryNext() (uint64, func() error, error) {
	return c.look(c.end.TryNext())
}

func (c spscConsumer[T]) Next(ctx context.Context) (uint64, func() error, error) {
	return c.look(c.end.Next(ctx))
}

func (c spscConsumer[T]) look(v *T, err error) (uint64, func() error, error) {
	if err != nil {
		return 0, c.end.Release, err
	}
	n, err := c.read(*v, nil)
	return n, c.end.Release, err
}
