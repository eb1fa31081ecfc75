package ring

import (
	"context"
	"errors"
	"iter"

	"github.com/isthmus-go/isthmus/internal/arch"
)

// PopInto stores the next messages in dst and returns how many there were. It
// pops as many as there are, but at most len(dst). It waits for the first
// message. Without an error, the number is at least 1, unless dst is empty. If the
// subscriber has missed messages, PopInto returns ErrLapped once, and no message.
func (s *Subscriber[T]) PopInto(ctx context.Context, dst []T) (int, error) {
	if err := s.begin(ctx); err != nil || len(dst) == 0 {
		return 0, s.verdict(err)
	}
	err := s.ready()
	if err == ErrEmpty {
		err = s.wait(ctx)
	}
	if err != nil {
		return 0, err
	}
	n, whole := s.copy(dst)
	if n == 0 { // it was there a moment ago
		if err := s.empty(s.pos); err != nil {
			return 0, err
		}
		return 0, s.verdict(s.fault(ErrCorrupt))
	}
	if !whole {
		if err := s.overtaken(s.pos); err != nil {
			return 0, err
		}
	}
	err = s.advance(n)
	for n < len(dst) && err == nil {
		k, whole := s.copy(dst[n:])
		if k == 0 || !whole {
			break // who comes next is told why
		}
		n += k
		err = s.advance(k)
	}
	return allOrNone(n, err)
}

// copy copies what there is, a chunk at most: the first of many might be overwritten
// before the last is copied. It reports whether it is whole.
func (s *Subscriber[T]) copy(dst []T) (n int, whole bool) {
	n = s.slots.read(s.pos, dst[:min(uint64(len(dst)), s.chunk)])
	return n, s.whole(s.pos)
}

// advance goes on by n messages, which were copied.
func (s *Subscriber[T]) advance(n int) error {
	pos := s.pos
	s.pushed.Acquire()
	s.popped.Release()
	s.pos += uint64(n)
	arch.StoreRelease64(s.line.place, s.pos)
	if s.quiet(&s.canPush) {
		return nil
	}
	return s.passed(pos)
}

// All returns an iterator over the messages, each with a nil error. The iterator
// ends after the last message of a closed ring. If the subscriber has missed messages, the
// iterator yields ErrLapped, without a message, and goes on. If it ends for another reason,
// such as the end of ctx or of the segment, it yields that error once, without a message.
func (s *Subscriber[T]) All(ctx context.Context) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for {
			v, err := s.Pop(ctx)
			if err == ErrClosed || !yield(v, err) || err != nil && !errors.Is(err, ErrLapped) {
				return
			}
		}
	}
}
