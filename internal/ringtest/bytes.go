package ringtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"

	"github.com/isthmus-go/isthmus/ring"
	"github.com/isthmus-go/isthmus/shm"
)

// Bytes is the kind of a Bytes that has so many bytes' room for each message of its
// capacity.
func Bytes(room int, t Text) Kind {
	return func(s *shm.Segment, name string, capacity int, opts ...ring.Option) (Ring, error) {
		r, err := ring.NewBytes(s, name, room*capacity, opts...)
		if err != nil {
			return nil, err
		}
		return byteRing{r, t.code(r.MaxLen()), r}, nil
	}
}

type byteRing struct {
	handle
	code[[]byte]
	ring *ring.Bytes
}

func (r byteRing) Mask() uint64  { return r.mask }
func (r byteRing) Roles() bool   { return true }
func (r byteRing) Slotted() bool { return false }
func (r byteRing) Handle() any   { return r.ring }

func (r byteRing) Producer() (Producer, error) {
	p, err := r.ring.Producer()
	return byteProducer{pushing[[]byte]{p, r.code}, p, r.ring.MaxLen()}, err
}

func (r byteRing) Consumer() (Consumer, error) {
	c, err := r.ring.Consumer()
	return byteConsumer{popping[[]byte]{appending{c}, r.code}, c}, err
}

type byteProducer struct {
	pushing[[]byte]
	end     *ring.BytesProducer
	longest int
}

func (p byteProducer) Detach() error { return p.end.Detach() }
func (p byteProducer) Handle() any   { return p.end }

func (p byteProducer) TryReserve(n uint64) (Reserved, error) {
	m := p.make(n)
	b, err := p.end.TryReserve(roomOf(m, n%3*9, p.longest))
	return p.write(m, b, err)
}

func (p byteProducer) Reserve(ctx context.Context, n uint64) (Reserved, error) {
	m := p.make(n)
	b, err := p.end.Reserve(ctx, roomOf(m, n%3*9, p.longest))
	return p.write(m, b, err)
}

func (p byteProducer) write(m, b []byte, err error) (Reserved, error) {
	copy(b, m)
	return Reserved{Commit: func() error { return p.end.Commit(len(m)) }}, err
}

// roomOf is how much to reserve for a message: at times more than it has.
func roomOf(m []byte, more uint64, longest int) int { return min(len(m)+int(more), longest) }

type byteConsumer struct {
	popping[[]byte]
	end *ring.BytesConsumer
}

func (c byteConsumer) Detach() error { return c.end.Detach() }
func (c byteConsumer) Handle() any   { return c.end }

func (c byteConsumer) TryNext() (Lent, error) {
	b, err := c.end.TryNext()
	return c.look(b, err)
}

func (c byteConsumer) Next(ctx context.Context) (Lent, error) {
	b, err := c.end.Next(ctx)
	return c.look(b, err)
}

func (c byteConsumer) look(b []byte, err error) (Lent, error) {
	return c.lent(func() []byte { return b }, c.end.Release, 0, err)
}

// bytePopper is the end of a ring of bytes that appends messages to something.
type bytePopper interface {
	TryPop(dst []byte) ([]byte, error)
	Pop(ctx context.Context, dst []byte) ([]byte, error)
	PopInto(ctx context.Context, dst []byte, lens []int) ([]byte, int, error)
	All(ctx context.Context) iter.Seq2[[]byte, error]
	PopCase(dst *[]byte) shm.Case
}

// appending has messages appended to prefix, and checks that they are.
type appending struct{ bytePopper }

var prefix = []byte{1, 2, 3} // has no room behind it

func (c appending) TryPop() ([]byte, error) { return cut(c.bytePopper.TryPop(prefix)) }

func (c appending) Pop(ctx context.Context) ([]byte, error) {
	return cut(c.bytePopper.Pop(ctx, prefix))
}

func (c appending) PopInto(ctx context.Context, ms [][]byte) (int, error) {
	lens := make([]int, len(ms))
	b, k, err := c.bytePopper.PopInto(ctx, prefix, lens)
	if b, err = cut(b, err); err != nil {
		return k, err
	}
	for i, l := range lens[:k] {
		ms[i], b = b[:l], b[l:]
	}
	if len(b) != 0 {
		return k, fmt.Errorf("%d bytes that belong to no message", len(b))
	}
	return k, nil
}

// cut returns what was appended to prefix: nothing if there is an error.
func cut(b []byte, err error) ([]byte, error) {
	m, ok := bytes.CutPrefix(b, prefix)
	switch {
	case !ok:
		return nil, errors.Join(fmt.Errorf("%x does not begin with what it was appended to", b), err)
	case err != nil && len(m) > 0:
		return nil, fmt.Errorf("a message %x, and the error: %w", m, err)
	}
	return m, err
}
