package ringtest

import (
	"context"

	"github.com/isthmus-go/isthmus/ring"
	"github.com/isthmus-go/isthmus/shm"
)

// SPSC is the kind of an SPSC with messages of that type.
func SPSC[T comparable](t Type[T]) Kind {
	return func(s *shm.Segment, name string, capacity int, opts ...ring.Option) (Ring, error) {
		r, err := ring.NewSPSC[T](s, name, capacity, opts...)
		return spsc[T]{r, t.code(), r}, err
	}
}

type spsc[T comparable] struct {
	handle
	code[T]
	ring *ring.SPSC[T]
}

func (r spsc[T]) Mask() uint64  { return r.mask }
func (r spsc[T]) Roles() bool   { return true }
func (r spsc[T]) Slotted() bool { return true }
func (r spsc[T]) Handle() any   { return r.ring }

func (r spsc[T]) Producer() (Producer, error) {
	p, err := r.ring.Producer()
	return spscProducer[T]{pushing[T]{p, r.code}, p}, err
}

func (r spsc[T]) Consumer() (Consumer, error) {
	c, err := r.ring.Consumer()
	return spscConsumer[T]{popping[T]{c, r.code}, c}, err
}

type spscProducer[T comparable] struct {
	pushing[T]
	end *ring.Producer[T]
}

func (p spscProducer[T]) Detach() error { return p.end.Detach() }
func (p spscProducer[T]) Handle() any   { return p.end }

func (p spscProducer[T]) TryReserve(n uint64) (Reserved, error) {
	v, err := p.end.TryReserve()
	return p.write(n, v, err)
}

func (p spscProducer[T]) Reserve(ctx context.Context, n uint64) (Reserved, error) {
	v, err := p.end.Reserve(ctx)
	return p.write(n, v, err)
}

func (p spscProducer[T]) write(n uint64, v *T, err error) (Reserved, error) {
	if err == nil {
		*v = p.make(n)
	}
	return Reserved{Commit: p.end.Commit}, err
}

type spscConsumer[T comparable] struct {
	popping[T]
	end *ring.Consumer[T]
}

func (c spscConsumer[T]) Detach() error { return c.end.Detach() }
func (c spscConsumer[T]) Handle() any   { return c.end }

func (c spscConsumer[T]) TryNext() (Lent, error) {
	v, err := c.end.TryNext()
	return c.look(v, err)
}

func (c spscConsumer[T]) Next(ctx context.Context) (Lent, error) {
	v, err := c.end.Next(ctx)
	return c.look(v, err)
}

func (c spscConsumer[T]) look(v *T, err error) (Lent, error) {
	return c.lent(func() T { return *v }, c.end.Release, 0, err)
}
