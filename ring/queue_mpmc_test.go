package ring_test

import (
	"context"

	"github.com/isthmus-go/isthmus/ring"
	"github.com/isthmus-go/isthmus/shm"
)

// An mpmcQueue is both of its ends.
type mpmcQueue[T comparable] struct {
	handle
	pushEnd[T]
	popEnd[T]
	ring *ring.MPMC[T]
}

func newMPMC[T comparable](s shape[T]) func(*shm.Segment, string, int, ...ring.Option) (queue, error) {
	return func(seg *shm.Segment, name string, capacity int, opts ...ring.Option) (queue, error) {
		r, err := ring.NewMPMC[T](seg, name, capacity, opts...)
		return mpmcQueue[T]{r, pushEnd[T]{r, s}, popEnd[T]{r, s}, r}, err
	}
}

func (q mpmcQueue[T]) Mask() uint64                { return q.pushEnd.mask }
func (q mpmcQueue[T]) Producer() (producer, error) { return q, nil }
func (q mpmcQueue[T]) Consumer() (consumer, error) { return q, nil }
func (q mpmcQueue[T]) Detach() error               { return nil }

func (q mpmcQueue[T]) TryReserve(n uint64) (func() error, error) {
	return q.write(n)(q.ring.TryReserve())
}

func (q mpmcQueue[T]) Reserve(ctx context.Context, n uint64) (func() error, error) {
	return q.write(n)(q.ring.Reserve(ctx))
}

func (q mpmcQueue[T]) write(n uint64) func(ring.Reserved[T], error) (func() error, error) {
	return func(r ring.Reserved[T], err error) (func() error, error) {
		if err == nil {
			*r.Value() = q.pushEnd.make(n)
		}
		return r.Commit, err
	}
}

func (q mpmcQueue[T]) TryNext() (uint64, func() error, error) {
	return q.look(q.ring.TryNext())
}

func (q mpmcQueue[T]) Next(ctx context.Context) (uint64, func() error, error) {
	return q.look(q.ring.Next(ctx))
}

func (q mpmcQueue[T]) look(l ring.Lent[T], err error) (uint64, func() error, error) {
	if err != nil {
		return 0, l.Release, err
	}
	n, err := q.popEnd.read(*l.Value(), nil)
	return n, l.Release, err
}

// isMPMC reports whether every reservation counts, even one that is not committed.
func isMPMC(q queue) bool {
	_, ok := q.(interface{ isMPMC() })
	return ok
}

func (q mpmcQueue[T]) isMPMC() {}
