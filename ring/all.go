package ring

import (
	"context"
	"iter"
)

// all is a loop of pops.
func all[T any](ctx context.Context, pop func(context.Context) (T, error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for {
			v, err := pop(ctx)
			if err == ErrClosed {
				return
			}
			if !yield(v, err) || err != nil {
				return
			}
		}
	}
}
