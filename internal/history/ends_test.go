package history

import (
	"context"

	"github.com/isthmus-go/isthmus/ring"
)

// The ends of the rings, with reading and writing in place made one operation.
type (
	spscProducer struct{ *ring.Producer[uint64] }
	spscConsumer struct{ *ring.Consumer[uint64] }
	mpmcQueue    struct{ *ring.MPMC[uint64] }
)

func (e spscProducer) pushInPlace(ctx context.Context, v uint64, pause func()) error {
	m, err := e.Reserve(ctx)
	if err != nil {
		return err
	}
	*m = v
	pause()
	return e.Commit()
}

func (e spscConsumer) popInPlace(ctx context.Context, pause func()) (uint64, error) {
	m, err := e.Next(ctx)
	if err != nil {
		return 0, err
	}
	pause()
	v := *m
	return v, e.Release()
}

func (e mpmcQueue) pushInPlace(ctx context.Context, v uint64, pause func()) error {
	r, err := e.Reserve(ctx)
	if err != nil {
		return err
	}
	*r.Value() = v
	pause()
	return r.Commit()
}

func (e mpmcQueue) popInPlace(ctx context.Context, pause func()) (uint64, error) {
	l, err := e.Next(ctx)
	if err != nil {
		return 0, err
	}
	pause()
	v := *l.Value()
	return v, l.Release()
}
