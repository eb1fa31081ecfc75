package ringtest

import (
	"context"

	"github.com/isthmus-go/isthmus/ring"
	"github.com/isthmus-go/isthmus/shm"
)

// MPMC is the kind of an MPMC with messages of that type.
func MPMC[T comparable](t Type[T]) Kind {
	return func(s *shm.Segment, name string, capacity int, opts ...ring.Option) (Ring, error) {
		r, err := ring.NewMPMC[T](s, name, capacity, opts...)
		return mpmc[T]{r, pushing[T]{r, t.code()}, popping[T]{r, t.code()}, r}, err
	}
}

// An mpmc is both of its ends.
type mpmc[T comparable] struct {
	handle
	pushing[T]
	popping[T]
	ring *ring.MPMC[T]
}

func (r mpmc[T]) Mask() uint64                { return r.pushing.mask }
func (r mpmc[T]) Roles() bool                 { return false }
func (r mpmc[T]) Slotted() bool               { return true }
func (r mpmc[T]) Handle() any                 { return r.ring }
func (r mpmc[T]) Producer() (Producer, error) { return r, nil }
func (r mpmc[T]) Consumer() (Consumer, error) { return r, nil }
func (r mpmc[T]) Detach() error               { return nil }

func (r mpmc[T]) TryReserve(n uint64) (Reserved, error) {
	v, err := r.ring.TryReserve()
	return r.write(n, v, err)
}

func (r mpmc[T]) Reserve(ctx context.Context, n uint64) (Reserved, error) {
	v, err := r.ring.Reserve(ctx)
	return r.write(n, v, err)
}

func (r mpmc[T]) write(n uint64, v ring.Reserved[T], err error) (Reserved, error) {
	if err == nil {
		*v.Value() = r.pushing.make(n)
	}
	return Reserved{v.Commit, v.Cancel}, err
}

func (r mpmc[T]) TryNext() (Lent, error) {
	l, err := r.ring.TryNext()
	return r.look(l, err)
}

func (r mpmc[T]) Next(ctx context.Context) (Lent, error) {
	l, err := r.ring.Next(ctx)
	return r.look(l, err)
}

func (r mpmc[T]) look(l ring.Lent[T], err error) (Lent, error) {
	return r.lent(func() T { return *l.Value() }, l.Release, l.Deliveries(), err)
}
