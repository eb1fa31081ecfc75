package process_test

import (
	"context"
	"testing"

	"github.com/isthmus-go/isthmus/process"
)

// BenchmarkPool is about tasks of 8 bytes on two workers.
func BenchmarkPool(b *testing.B) {
	pool := func(b *testing.B) *process.Pool {
		p := newPool(b, b.Context(), &process.PoolOptions{Workers: 2})
		for range 100 {
			if _, err := square.Call(context.Background(), p, 1); err != nil {
				b.Fatal(err)
			}
		}
		b.ResetTimer()
		return p
	}
	ctx := context.Background()
	b.Run("Call", func(b *testing.B) {
		p := pool(b)
		for b.Loop() {
			if _, err := square.Call(ctx, p, 3); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("Go", func(b *testing.B) {
		p := pool(b)
		b.ReportAllocs()
		var out [512]*process.Result[int64]
		for i := range b.N {
			if r := out[i%len(out)]; r != nil {
				if _, err := r.Wait(ctx); err != nil {
					b.Fatal(err)
				}
			}
			out[i%len(out)] = square.Go(ctx, p, int64(i))
		}
		for _, r := range out {
			if r != nil {
				r.Wait(ctx)
			}
		}
	})
	for name, f := range map[string]mapper{"Map": square.Map, "MapUnordered": square.MapUnordered} {
		b.Run(name, func(b *testing.B) {
			p := pool(b)
			b.ReportAllocs()
			for _, err := range f(ctx, p, numbers(int64(b.N))) {
				if err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
