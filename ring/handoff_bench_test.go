package ring_test

import (
	"context"
	"fmt"
	"runtime"
	"strconv"
	"testing"

	"github.com/isthmus-go/isthmus/ring"
)

// BenchmarkHandoff measures a goroutine that makes another one ready, by a channel, and
// then waits on a ring for what the other one pushes. As long as it polls for that, it
// must not keep the other one from running.
func BenchmarkHandoff(b *testing.B) {
	for _, procs := range []int{1, 2} {
		for _, pairs := range []int{1, 64} {
			b.Run(fmt.Sprintf("GOMAXPROCS=%d/pairs=%d", procs, pairs), func(b *testing.B) {
				defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(procs))
				handOff(b, pairs)
			})
		}
	}
}

func handOff(b *testing.B, pairs int) {
	ctx := context.Background()
	seg := newSegment(b)
	done := make(chan error)
	for i := range pairs {
		r, err := ring.NewSPSC[uint64](seg, strconv.Itoa(i), 8)
		if err != nil {
			b.Fatal(err)
		}
		p, err := r.Producer()
		if err != nil {
			b.Fatal(err)
		}
		c, err := r.Consumer()
		if err != nil {
			b.Fatal(err)
		}
		work := make(chan uint64)
		go func() {
			for x := range work {
				if err := p.Push(ctx, x); err != nil {
					b.Error(err)
				}
			}
		}()
		go func() {
			defer close(work)
			for range (b.N + pairs - 1) / pairs {
				work <- 1
				if _, err := c.Pop(ctx); err != nil {
					done <- err
					return
				}
			}
			done <- nil
		}()
	}
	b.ResetTimer()
	for range pairs {
		if err := <-done; err != nil {
			b.Fatal(err)
		}
	}
}
