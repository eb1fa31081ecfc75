package nats

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"github.com/isthmus-go/isthmus/ring"
)

// The rings that may have several consumers, MPMC and BytesMPMC, give what was lent to a dead process to
// another, but later than in order. So Forward begins with all that is in the ring, sorted by
// position, and publishes nothing before it has that. The ring is full meanwhile, at most for as long as
// it takes to lend its messages.

// lookEvery is how many tries that fail it takes until a ring has looked for the dead.
const lookEvery = 64

// lent is a message in place.
type lent interface {
	Position() uint64
	Release() error
}

// fromShared returns the end of a ring that may have several consumers.
func fromShared[L lent](e end, next func(context.Context) (L, error), try func() (L, error), data func(L) []byte) *Source {
	var held []L // those of the queue
	s := &Source{end: e}
	s.next = func(ctx context.Context, wait bool) (it item, err error) {
		l, err := either(ctx, wait, next, try)
		if err == nil {
			held = append(held, l)
			it = item{pos: l.Position(), data: data(l)}
		}
		return it, err
	}
	s.release = func() error {
		l := held[0]
		held = held[1:]
		return l.Release()
	}
	s.gather = func(ctx context.Context) (err error) {
		for failed := 0; err == nil && failed < lookEvery; {
			var it item
			if it, err = s.next(ctx, false); err == nil {
				s.queue = append(s.queue, it)
				failed = 0
			} else if errors.Is(err, ring.ErrEmpty) {
				failed++
				err = nil
			}
		}
		slices.SortFunc(held, func(a, b L) int { return cmp.Compare(a.Position(), b.Position()) })
		slices.SortFunc(s.queue, func(a, b item) int { return cmp.Compare(a.pos, b.pos) })
		return err
	}
	return s
}
