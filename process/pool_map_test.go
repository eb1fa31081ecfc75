package process_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/process"
	"github.com/isthmus-go/isthmus/shm"
)

func TestPoolMap(t *testing.T) {
	p := newPool(t, t.Context(), &process.PoolOptions{Workers: 2})
	for _, n := range []int64{0, 1, 7, 1000, 20_000} {
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
		var seen []int64
		for r, err := range square.MapUnordered(t.Context(), p, numbers(n)) {
			seen = append(seen, r)
			proctest.Check(t, err)
		}
		slices.Sort(seen)
		for i := range n {
			if seen[i] != i*i {
				t.Fatalf("unordered: %d-th of %d is %d", i, n, seen[i])
			}
		}
	}
}

var odd = process.Func("odd", func(_ context.Context, x int64) (int64, error) {
	switch {
	case x%7 == 0:
		panic(x)
	case x%2 == 0:
		return 0, fmt.Errorf("%d is even", x)
	}
	return x, nil
})

// Errors and panics are those of their elements, and end nothing.
func TestPoolMapErrors(t *testing.T) {
	p := newPool(t, t.Context(), &process.PoolOptions{Workers: 2})
	i := int64(0)
	for r, err := range odd.Map(t.Context(), p, numbers(500)) {
		var failed *process.TaskError
		var panicked *process.PanicError
		switch {
		case i%7 == 0:
			if !errors.As(err, &panicked) || panicked.Value != fmt.Sprint(i) {
				t.Errorf("%d: %v", i, err)
			}
		case i%2 == 0:
			if !errors.As(err, &failed) || failed.Text != fmt.Sprintf("%d is even", i) {
				t.Errorf("%d: %v", i, err)
			}
		case r != i || err != nil:
			t.Errorf("%d: %d, %v", i, r, err)
		}
		i++
	}
	if i != 500 {
		t.Errorf("%d results", i)
	}
}

// Arguments of all lengths: some chunks are full, some elements fit in no slot.
func TestPoolMapLengths(t *testing.T) {
	p := newPool(t, t.Context(), &process.PoolOptions{Workers: 2})
	length := func(i int) int { return i * i % 611 }
	args := func(yield func(string) bool) {
		for i := 0; i < 1000 && yield(strings.Repeat("x", length(i))); i++ {
		}
	}
	i := 0
	for r, err := range echo.text.Map(t.Context(), p, args) {
		if len(r) != length(i) || err != nil {
			t.Fatalf("%d: %d, %v", i, len(r), err)
		}
		i++
	}
	if i != 1000 {
		t.Errorf("%d results", i)
	}
}

// An endless sequence is read as far as it is needed, by the loop's goroutine.
func TestPoolMapEndless(t *testing.T) {
	p := newRig(t, rig{}, process.PoolOptions{Workers: 1})
	for _, f := range []mapper{square.Map, square.MapUnordered} {
		read, n, stopped := 0, 0, false
		for _, err := range f(t.Context(), p, func(yield func(int64) bool) {
			defer func() { stopped = true }()
			for yield(int64(read)) {
				read++
			}
		}) {
			proctest.Check(t, err)
			if n++; n == 100 {
				break
			}
		}
		if !stopped || read > 100+8*200 {
			t.Errorf("stopped: %v, read: %d", stopped, read)
		}
	}
	if v := proctest.PanicOf(func() {
		for range square.Map(t.Context(), p, func(func(int64) bool) { panic("in the sequence") }) {
		}
	}); v != "in the sequence" {
		t.Errorf("panic is %v", v)
	}
}

// A loop that ends early recalls what runs, and what has not begun is not begun.
func TestPoolMapBreak(t *testing.T) {
	p := newRig(t, rig{}, process.PoolOptions{Workers: 1})
	next, stop := iter.Pull2(mixed.MapUnordered(t.Context(), p, numbers(20)))
	if v, err, ok := next(); v != 0 || err != nil || !ok {
		t.Fatal(v, err, ok)
	}
	untilBoard(t, "element 1 runs", atBegins+1, 1)
	stop()
	untilBoard(t, "its context is cancelled", atSeen, 1)
	want(t, square.Go(t.Context(), p, 5), 25)
	for i := 2; i < 20; i++ {
		if n := board.Load(atBegins + i); n != 0 {
			t.Errorf("element %d has begun %d times", i, n)
		}
	}
}

// mixed waits for the end of its context, but for element 0.
var mixed = process.Func("mixed", func(ctx context.Context, x int64) (int64, error) {
	shm.AddAt(board, atBegins+int(x), 1)
	if x > 0 {
		<-ctx.Done()
		shm.AddAt(board, atSeen, 1)
	}
	return x, ctx.Err()
})

func TestPoolMapContext(t *testing.T) {
	p := newRig(t, rig{}, process.PoolOptions{Workers: 1})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var errs []error
	for v, err := range mixed.Map(ctx, p, numbers(1000)) {
		if errs = append(errs, err); v == 0 && err == nil {
			cancel()
		}
	}
	if len(errs) != 2 || !errors.Is(errs[1], context.Canceled) {
		t.Errorf("errors are %v", errs)
	}
	for _, err := range square.Map(ctx, p, numbers(1000)) { // it has ended before
		proctest.WantError(t, "Map", err, context.Canceled)
	}
}

// A chunk that is given up ends with the element that runs, also if that does not look at its
// context, and its gate is another's then.
func TestPoolMapGivenUp(t *testing.T) {
	p := newRig(t, rig{}, process.PoolOptions{Workers: 1, Queue: 2})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := proctest.Go(func() error {
		for _, err := range heedless.Map(ctx, p, numbers(60)) {
			if err != nil {
				return err
			}
		}
		return nil
	})
	untilBoard(t, "element 40 runs", atBegins+40, 1)
	cancel()
	proctest.WantError(t, "Map", proctest.Result(t, ended), context.Canceled)
	others := []*process.Result[int64]{square.Go(t.Context(), p, 2), square.Go(t.Context(), p, 3)}
	board.Store(atGo, 1)
	for i, r := range others {
		want(t, r, int64((i+2)*(i+2)))
	}
	for i := 41; i < 60; i++ {
		if n := board.Load(atBegins + i); n != 0 {
			t.Errorf("element %d has begun %d times", i, n)
		}
	}
}

// heedless waits for the test in element 40.
var heedless = process.Func("heedless", func(_ context.Context, x int64) (int64, error) {
	for shm.AddAt(board, atBegins+int(x), 1); x == 40 && board.Load(atGo) == 0; {
		runtime.Gosched()
	}
	return x, nil
})

// The element that kills its worker is reported; those before and after it in its chunk have results,
// and are begun once.
func TestPoolMapDeaths(t *testing.T) {
	proctest.Mortal(t)
	p := newRig(t, rig{}, process.PoolOptions{Workers: 2})
	const n, part = 2000, 250
	i := int64(0)
	for r, err := range mortal.Map(t.Context(), p, numbers(n)) {
		if i%part == part/2 {
			wantDied(t, err, 1)
		} else if r != i || err != nil {
			t.Errorf("%d: %d, %v", i, r, err)
		}
		if k := board.Load(atBegins + int(i)); k != 1 {
			t.Errorf("%d has begun %d times", i, k)
		}
		i++
	}
	if i != n {
		t.Errorf("%d results", i)
	}
}

var mortal = process.Func("mortal", func(_ context.Context, x int64) (int64, error) {
	shm.AddAt(board, atBegins+int(x), 1)
	if x%250 == 125 {
		killSelf()
	}
	return x, nil
})
