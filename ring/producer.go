package ring

import (
	"context"

	"github.com/isthmus-go/isthmus/internal/arch"
	"github.com/isthmus-go/isthmus/internal/wait"
)

// Producer is the pushing end of an [SPSC] or a [Broadcast]. Only one goroutine at a
// time may use it.
type Producer[T any] struct {
	object
	slots slots[T]
	pusher
	crowd    *crowd // of a Broadcast
	reserved uint64 // pos+1 while the slot of pos is reserved
}

// TryPush pushes v if there is space. It returns ErrFull if there is none.
func (p *Producer[T]) TryPush(v T) error {
	pos := p.pos
	if pos == p.limit {
		if err := p.refresh(); err != nil {
			return err
		}
	}
	*p.slots.value(pos) = v
	p.pushed.Release()
	p.pos = pos + 1
	arch.StoreRelease64(p.slots.word(pos), pos+1)
	if p.quiet(&p.canPop) {
		return nil
	}
	return p.published(1)
}

// refresh looks for room.
func (p *Producer[T]) refresh() error {
	if p.crowd != nil {
		return p.crowd.refresh(&p.pusher)
	}
	return p.object.refresh(&p.pusher, 1, func(head uint64) uint64 { return p.pos - head })
}

// stalled frees what the dead hold up.
func (p *Producer[T]) stalled() {
	if p.crowd != nil {
		p.crowd.sweep()
	}
}

// Push pushes v. It waits if there is no space. If ctx ends first, Push returns
// an error that wraps the error of ctx, and pushes nothing.
func (p *Producer[T]) Push(ctx context.Context, v T) error {
	pos := p.pos
	if pos == p.limit || !wait.Endless(ctx) {
		return p.pushSlow(ctx, v)
	}
	// As TryPush does: a call takes a third of the time of a push.
	*p.slots.value(pos) = v
	p.pushed.Release()
	p.pos = pos + 1
	arch.StoreRelease64(p.slots.word(pos), pos+1)
	if p.quiet(&p.canPop) {
		return nil
	}
	return p.published(1)
}

// pushSlow is Push where there may be no room, or the context may end.
func (p *Producer[T]) pushSlow(ctx context.Context, v T) error {
	if err := p.begin(ctx); err != nil {
		return err
	}
	if err := p.TryPush(v); err != ErrFull {
		return err
	}
	return p.await(ctx, &p.canPush, ErrFull, func() error { return p.TryPush(v) }, p.stalled)
}

// PushAll pushes all messages in vs. It waits if there is no space. It returns
// how many messages it pushed. It pushes fewer than len(vs) only if it returns an
// error, such as that of ctx or ErrClosed. A process that dies inside PushAll has
// pushed some messages from the beginning of vs, or none.
func (p *Producer[T]) PushAll(ctx context.Context, vs []T) (n int, err error) {
	if err := p.begin(ctx); err != nil || len(vs) == 0 {
		return 0, p.verdict(err)
	}
	for n < len(vs) {
		if p.pos == p.limit {
			err := p.refresh()
			if err == ErrFull {
				err = p.await(ctx, &p.canPush, ErrFull, p.refresh, p.stalled)
			}
			if err != nil {
				return n, err
			}
		}
		k, err := p.pushSome(vs[n:])
		if err != nil {
			return n, err
		}
		n += k
	}
	return n, nil
}

// pushSome pushes as many of vs as there is known room for.
func (p *Producer[T]) pushSome(vs []T) (int, error) {
	vs = vs[:min(uint64(len(vs)), p.limit-p.pos)]
	p.pushed.Release()
	n := p.slots.write(p.pos, vs)
	n += p.slots.write(p.pos+uint64(n), vs[n:])
	p.pos += uint64(n)
	return n, p.published(n)
}

// TryReserve returns the payload of the next free slot. The caller fills it in
// place and publishes it by Commit. TryReserve returns ErrFull if there is no
// free slot. The initial content of the payload is unspecified. The pointer must
// not be used after Commit, or after the Segment's Close.
func (p *Producer[T]) TryReserve() (*T, error) {
	if p.pos == p.limit {
		if err := p.refresh(); err != nil {
			return nil, err
		}
	}
	p.reserved = p.pos + 1
	return p.slots.value(p.pos), p.check()
}

// Reserve returns a payload as TryReserve does, but waits if no slot is free.
func (p *Producer[T]) Reserve(ctx context.Context) (*T, error) {
	pos := p.pos
	if pos == p.limit || !wait.Endless(ctx) || p.core.Closed() {
		return p.reserveSlow(ctx)
	}
	p.reserved = pos + 1
	return p.slots.value(pos), nil
}

// reserveSlow is Reserve where there may be no room, or the context may end.
func (p *Producer[T]) reserveSlow(ctx context.Context) (v *T, err error) {
	if err := p.begin(ctx); err != nil {
		return nil, err
	}
	if v, err = p.TryReserve(); err != ErrFull {
		return v, err
	}
	err = p.await(ctx, &p.canPush, ErrFull, func() error { v, err = p.TryReserve(); return err }, p.stalled)
	return v, err
}

// Commit publishes the message that was reserved last. A reservation without
// Commit has no effect.
func (p *Producer[T]) Commit() error {
	if p.reserved != p.pos+1 {
		return p.fault(ErrNotReserved)
	}
	p.reserved = 0
	p.pushed.Release()
	p.pos++
	arch.StoreRelease64(p.slots.word(p.pos-1), p.pos)
	if p.quiet(&p.canPop) {
		return nil
	}
	return p.published(1)
}

// Close closes the ring permanently, and gives up the producer's role. The
// consumer, or each subscriber, gets the messages that are in the ring, and then
// ErrClosed.
// [shm.Segment.RemoveObject] explains how to open the ring again.
func (p *Producer[T]) Close() error { return p.leave(ErrClosed) }

// Detach gives up the producer's role, so that another process can continue as
// the producer.
func (p *Producer[T]) Detach() error { return p.leave(ErrDetached) }

func (p *Producer[T]) leave(why error) error {
	p.limit, p.reserved = p.pos, 0
	return p.giveUp(&p.tenure, why)
}
