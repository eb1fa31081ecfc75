package semaphore_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/internal/proctest/shared"
	"github.com/isthmus-go/isthmus/semaphore"
	xsemaphore "golang.org/x/sync/semaphore"
)

// weighted is what both have.
type weighted interface {
	Acquire(ctx context.Context, n int64) error
	TryAcquire(n int64) bool
	Release(n int64)
}

var (
	_ weighted = (*semaphore.Semaphore)(nil)
	_ weighted = (*xsemaphore.Weighted)(nil)
)

// TestReference does the same, at random, to a Semaphore and to a Weighted, and
// expects the same to happen.
func TestReference(t *testing.T) {
	random := proctest.Random(t)
	s := shared.Named(t)
	for i := range 20 {
		size := 1 + random.Int64N(6)
		sem, err := semaphore.New(s.Segment, fmt.Sprint(i), size, nil)
		if err != nil {
			t.Fatal(err)
		}
		pair := pair{t, [2]weighted{sem, xsemaphore.NewWeighted(size)}}
		held := int64(0)
		for range 100 {
			held = pair.step(random, size, held)
			if free := sem.Value(); free != size-held {
				t.Fatalf("%d permits are free, expected %d", free, size-held)
			}
		}
		for i, w := range pair.both {
			if proctest.PanicOf(func() { w.Release(held + 1) }) == nil {
				t.Errorf("number %d takes back more than it has given", i)
			}
		}
	}
}

// pair is a Semaphore and a Weighted.
type pair struct {
	t    *testing.T
	both [2]weighted
}

// step does one thing to both, and returns how many permits are held then.
func (p pair) step(random *rand.Rand, size, held int64) int64 {
	n := random.Int64N(size + 2) // more than there are, sometimes
	free := size - held
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	switch random.IntN(6) {
	case 0:
		got := p.try(n)
		if got != (n <= free) {
			p.t.Fatalf("TryAcquire(%d) with %d free returned %v", n, free, got)
		}
		if got {
			held += n
		}
	case 1:
		n %= held + 1
		p.release(n)
		held -= n
	case 2:
		n %= free + 1
		p.want(p.acquire(ctx, n), nil)
		held += n
	case 3:
		cancel()
		p.want(p.acquire(ctx, n), context.Canceled)
	case 4: // a wait that ends well
		n = 1 + n%size
		acquired := p.acquire(ctx, n)
		back := min(held, max(0, n-free)+random.Int64N(2))
		p.release(back)
		p.want(acquired, nil)
		held += n - back
	case 5: // a wait that is cancelled
		n = free + 1 + n
		acquired := p.acquire(ctx, n)
		cancel()
		p.want(acquired, context.Canceled)
	}
	return held
}

func (p pair) try(n int64) bool {
	a, b := p.both[0].TryAcquire(n), p.both[1].TryAcquire(n)
	if a != b {
		p.t.Fatalf("TryAcquire(%d) returned %v and %v", n, a, b)
	}
	return a
}

func (p pair) release(n int64) {
	for _, w := range p.both {
		w.Release(n)
	}
}

func (p pair) acquire(ctx context.Context, n int64) (results [2]<-chan error) {
	for i, w := range p.both {
		results[i] = proctest.Go(func() error { return w.Acquire(ctx, n) })
	}
	return results
}

func (p pair) want(results [2]<-chan error, want error) {
	p.t.Helper()
	for i, c := range results {
		if err := proctest.Result(p.t, c); !errors.Is(err, want) {
			p.t.Fatalf("Acquire of number %d returned %v, expected %v", i, err, want)
		}
	}
}
