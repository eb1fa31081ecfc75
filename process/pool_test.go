package process_test

import (
	"context"
	"errors"
	"iter"
	"os"
	"testing"

	"github.com/isthmus-go/isthmus/process"
)

var square = process.Func("square", func(_ context.Context, x int64) (int64, error) { return x * x, nil }, process.Idempotent)

type mapper = func(context.Context, *process.Pool, iter.Seq[int64]) iter.Seq2[int64, error]

var getpid = process.Func("getpid", func(context.Context, struct{}) (int, error) { return os.Getpid(), nil })

func newPool(t testing.TB, opts *process.PoolOptions) *process.Pool {
	t.Helper()
	p, err := process.NewPool(context.Background(), opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil && !errors.Is(err, process.ErrPoolClosed) {
			t.Errorf("Close: %v", err)
		}
	})
	return p
}

func TestPoolCall(t *testing.T) {
	p := newPool(t, &process.PoolOptions{Workers: 2})
	for i := range int64(100) {
		if r, err := square.Call(t.Context(), p, i); r != i*i || err != nil {
			t.Fatalf("square of %d: %d, %v", i, r, err)
		}
	}
	if pid, err := getpid.Call(t.Context(), p, struct{}{}); pid == os.Getpid() || err != nil {
		t.Errorf("pid %d, %v", pid, err)
	}
}

func numbers(n int64) func(func(int64) bool) {
	return func(yield func(int64) bool) {
		for i := range n {
			if !yield(i) {
				return
			}
		}
	}
}

func TestPoolMap(t *testing.T) {
	p := newPool(t, &process.PoolOptions{Workers: 2})
	for _, n := range []int64{0, 1, 7, 1000, 5000} {
		i := int64(0)
		for r, err := range square.Map(t.Context(), p, numbers(n)) {
			if r != i*i || err != nil {
				t.Fatalf("%d of %d: %d, %v", i, n, r, err)
			}
			i++
		}
		if i != n {
			t.Errorf("%d results of %d", i, n)
		}
		var seen int64
		for r, err := range square.MapUnordered(t.Context(), p, numbers(n)) {
			seen += r
			if err != nil {
				t.Error(err)
			}
		}
		var want int64
		for i := range n {
			want += i * i
		}
		if seen != want {
			t.Errorf("unordered: %d, want %d", seen, want)
		}
	}
}
