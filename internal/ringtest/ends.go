package ringtest

import (
	"context"
	"fmt"
	"iter"

	"github.com/isthmus-go/isthmus/shm"
)

// pusher and popper are what the ends of rings with messages of type M have in common.
type pusher[M any] interface {
	TryPush(M) error
	Push(context.Context, M) error
	PushAll(context.Context, []M) (int, error)
	PushCase(*M) shm.Case
	Close() error
}

type popper[M any] interface {
	TryPop() (M, error)
	Pop(context.Context) (M, error)
	PopInto(context.Context, []M) (int, error)
	PopCase(*M) shm.Case
	All(context.Context) iter.Seq2[M, error]
}

// pushing and popping are the same with numbers.
type pushing[M any] struct {
	pusher[M]
	code[M]
}

func (p pushing[M]) TryPush(n uint64) error { return p.pusher.TryPush(p.make(n)) }

func (p pushing[M]) Push(ctx context.Context, n uint64) error { return p.pusher.Push(ctx, p.make(n)) }

func (p pushing[M]) SelectPush(ctx context.Context, n uint64, others ...shm.Case) error {
	m := p.make(n)
	_, err := shm.Select(ctx, append(others, p.PushCase(&m))...)
	return err
}

func (p pushing[M]) PushAll(ctx context.Context, from, to uint64) (int, error) {
	ms := make([]M, 0, to-from)
	for n := from; n < to; n++ {
		ms = append(ms, p.make(n))
	}
	return p.pusher.PushAll(ctx, ms)
}

type popping[M any] struct {
	popper[M]
	code[M]
}

// number reads a message, unless there is none.
func (c popping[M]) number(m M, err error) (uint64, error) {
	if err != nil {
		return 0, err
	}
	return c.read(m)
}

func (c popping[M]) TryPop() (uint64, error) { return c.number(c.popper.TryPop()) }

func (c popping[M]) Pop(ctx context.Context) (uint64, error) { return c.number(c.popper.Pop(ctx)) }

func (c popping[M]) SelectPop(ctx context.Context, others ...shm.Case) (uint64, error) {
	var m M
	_, err := shm.Select(ctx, append(others, c.PopCase(&m))...)
	return c.number(m, err)
}

func (c popping[M]) PopInto(ctx context.Context, most int) ([]uint64, error) {
	ms := make([]M, most)
	k, err := c.popper.PopInto(ctx, ms)
	if err != nil && k != 0 {
		return nil, fmt.Errorf("%d messages, and the error: %w", k, err)
	}
	ns := make([]uint64, k)
	for i := range ns {
		n, torn := c.read(ms[i])
		if torn != nil {
			return nil, torn
		}
		ns[i] = n
	}
	return ns, err
}

func (c popping[M]) All(ctx context.Context) iter.Seq2[uint64, error] {
	return func(yield func(uint64, error) bool) {
		for m, err := range c.popper.All(ctx) {
			if !yield(c.number(m, err)) {
				return
			}
		}
	}
}

// lent makes a message that is read in place of what Next returns.
func (c popping[M]) lent(value func() M, release func() error, deliveries int, err error) (Lent, error) {
	l := Lent{Release: release, Deliveries: deliveries}
	if err != nil {
		return l, err
	}
	l.Read = func() (uint64, error) { return c.read(value()) }
	l.N, err = l.Read()
	return l, err
}
