package process_test

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/process"
)

func TestPoolCall(t *testing.T) {
	p := newPool(t, t.Context(), &process.PoolOptions{Workers: 2})
	for i := range int64(100) {
		if r, err := square.Call(t.Context(), p, i); r != i*i || err != nil {
			t.Fatalf("square of %d: %d, %v", i, r, err)
		}
	}
	if id, err := pid.Call(t.Context(), p, struct{}{}); id == os.Getpid() || err != nil {
		t.Errorf("pid %d, %v", id, err)
	}
	var results []*process.Result[int64]
	for i := range int64(3000) {
		results = append(results, square.Go(t.Context(), p, i))
	}
	for i, r := range results {
		want(t, r, int64(i*i))
		want(t, r, int64(i*i)) // as often as one likes
	}
}

func TestPoolOptions(t *testing.T) {
	for _, o := range []process.PoolOptions{
		{Workers: -1}, {Workers: 501}, {MaxTasks: -1}, {MaxAttempts: -1}, {Queue: -1}, {Queue: 1<<15 + 1},
	} {
		_, err := process.NewPool(t.Context(), &o)
		proctest.WantError(t, "NewPool", err, fs.ErrInvalid)
	}
	_, err := process.NewPool(t.Context(), &process.PoolOptions{Init: noArg.With(nil)})
	proctest.WantError(t, "Init that cannot be encoded", err, process.ErrEncoding)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = process.NewPool(ctx, nil)
	proctest.WantError(t, "NewPool", err, context.Canceled)

	p := newPool(t, t.Context(), nil)
	if v, err := square.Call(t.Context(), p, 3); v != 9 || err != nil {
		t.Errorf("with the defaults: %v, %v", v, err)
	}
}

var noArg = process.Register("no argument", func(context.Context, chan int) error { return nil })

type record struct {
	Name  string
	Parts map[string][]float64
	Next  *record
}

var echo = struct {
	record *process.Task[record, record]
	ptr    *process.Task[*record, *record]
	bytes  *process.Task[[]byte, []byte]
	floats *process.Task[[]float64, []float64]
	text   *process.Task[string, string]
	array  *process.Task[[100]int32, [100]int32]
	any    *process.Task[any, any]
	odd    *process.Task[oddity, oddity]
}{
	echoOf[record]("record"), echoOf[*record]("ptr"), echoOf[[]byte]("bytes"), echoOf[[]float64]("floats"),
	echoOf[string]("text"), echoOf[[100]int32]("array"), echoOf[any]("any"),
	echoOf[oddity]("odd"),
}

func echoOf[A any](name string) *process.Task[A, A] {
	return process.Func("echo "+name, func(_ context.Context, a A) (A, error) { return a, nil })
}

func TestPoolTypes(t *testing.T) {
	ctx := t.Context()
	p := newPool(t, ctx, &process.PoolOptions{Workers: 1})
	r := proctest.Must(echo.record.Call(ctx, p, record{"a", map[string][]float64{"b": {1, 2}}, &record{Name: "c"}}))(t)
	if r.Name != "a" || r.Parts["b"][1] != 2 || r.Next.Name != "c" {
		t.Errorf("record is %v", r)
	}
	if r, err := echo.ptr.Call(ctx, p, nil); r != nil || err != nil {
		t.Errorf("nil pointer is %v, %v", r, err)
	}
	if r, err := echo.ptr.Call(ctx, p, &record{Name: "d"}); err != nil || r.Name != "d" {
		t.Errorf("pointer is %v, %v", r, err)
	}
	if r, err := echo.any.Call(ctx, p, "text"); r != "text" || err != nil {
		t.Errorf("interface is %v, %v", r, err)
	}
	if r, err := echo.any.Call(ctx, p, nil); r != nil || err != nil {
		t.Errorf("nil interface is %v, %v", r, err)
	}
	if r, err := echo.array.Call(ctx, p, [100]int32{99: 7}); r != [100]int32{99: 7} || err != nil {
		t.Errorf("array is %v, %v", r, err)
	}
	if r, err := echo.floats.Call(ctx, p, []float64{1, 2.5}); err != nil || len(r) != 2 || r[1] != 2.5 {
		t.Errorf("floats are %v, %v", r, err)
	}
	for _, n := range []int{0, 1, 198, 199, 200, 201, 40_000, 70_000, 1 << 20} {
		in := bytes.Repeat([]byte("abc"), n)[:n]
		if out, err := echo.bytes.Call(ctx, p, in); err != nil || !bytes.Equal(in, out) {
			t.Errorf("%d bytes came back as %d, %v", n, len(out), err)
		}
		if out, err := echo.text.Call(ctx, p, string(in)); err != nil || string(in) != out {
			t.Errorf("text of %d bytes came back as %d, %v", n, len(out), err)
		}
	}
}

// Ten megabytes there, and at the same time back, on each of the links.
func TestPoolLarge(t *testing.T) {
	p := newPool(t, t.Context(), &process.PoolOptions{Workers: 2})
	in := make([]float64, 10<<20/8)
	for i := range in {
		in[i] = float64(i)
	}
	var results []*process.Result[[]float64]
	for range 6 {
		results = append(results, echo.floats.Go(t.Context(), p, in))
	}
	for _, r := range results {
		out, err := result(t, r)
		if err != nil || len(out) != len(in) || out[len(in)-1] != in[len(in)-1] || out[12345] != in[12345] {
			t.Errorf("%d came back, %v", len(out), err)
		}
	}
}

func TestPoolErrors(t *testing.T) {
	ctx := t.Context()
	p := newPool(t, ctx, &process.PoolOptions{Workers: 1})
	worker := proctest.Must(pid.Call(ctx, p, struct{}{}))(t)

	_, err := end.Call(ctx, p, "error")
	var failed *process.TaskError
	if !errors.As(err, &failed) || failed.Func != "end" || failed.Text != "an error" || errors.Is(err, context.Canceled) {
		t.Errorf("error is %#v", err)
	}
	_, err = end.Call(ctx, p, "canceled")
	proctest.WantError(t, "error that wraps that of a context", err, context.Canceled, "end")
	for how, what := range map[string][]string{
		"panic":     {"by itself", "endIn(", "pool_helpers_test.go"},
		"nil map":   {"assignment to entry in nil map", "endIn("},
		"goexit":    {"runtime.Goexit was called", "endIn("},
		"bad error": {"nil pointer", "badError"},
	} {
		_, err := end.Call(ctx, p, how)
		var panicked *process.PanicError
		if !errors.As(err, &panicked) || panicked.Func != "end" {
			t.Fatalf("%s: error is %v", how, err)
		}
		proctest.WantText(t, how, panicked, what...)
	}
	if now, err := pid.Call(ctx, p, struct{}{}); now != worker || err != nil {
		t.Errorf("worker is %d, %v, expected the same, %d", now, err, worker)
	}
}

// unknown is a task that only the process of the test registers.
var unknown = sync.OnceValue(func() *process.Task[int, int] {
	return process.Func("unknown", func(context.Context, int) (int, error) { return 1, nil })
})

func TestPoolNotRegistered(t *testing.T) {
	p := newPool(t, t.Context(), &process.PoolOptions{Workers: 1})
	_, err := unknown().Call(t.Context(), p, 1)
	proctest.WantError(t, "task", err, process.ErrUnregistered, "unknown")
	for _, f := range []func(){
		func() { process.Func("unknown", func(context.Context, int) (int, error) { return 1, nil }) },
		func() { process.Func("", func(context.Context, int) (int, error) { return 1, nil }) },
		func() { process.Func[int, int]("f", nil) },
	} {
		if proctest.PanicOf(f) == nil {
			t.Error("Func did not panic")
		}
	}
}

// What has ended is not kept: arguments, results, and what is unwanted.
func TestPoolKeepsNothing(t *testing.T) {
	p := newPool(t, t.Context(), &process.PoolOptions{Workers: 1})
	gone := make(chan struct{})
	func() {
		r := echo.text.Go(t.Context(), p, strings.Repeat("x", 1000))
		result(t, r)
		runtime.AddCleanup(r, func(c chan struct{}) { close(c) }, gone)
	}()
	proctest.Until(t, "the result is collected", func() bool {
		runtime.GC()
		select {
		case <-gone:
			return true
		default:
			return false
		}
	})
}

// Large arguments and results are not kept: neither by a Result, nor by a loop that has yielded them.
func TestPoolKeepsNoData(t *testing.T) {
	const size = 1 << 20
	p := newPool(t, t.Context(), &process.PoolOptions{Workers: 1})
	heap := func() int {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return int(m.HeapAlloc)
	}
	before := heap()
	var results []*process.Result[int]
	for range 20 {
		r := lengthOf.Go(t.Context(), p, make([]byte, size))
		want(t, r, size)
		results = append(results, r)
	}
	if now := heap(); now-before > 5*size {
		t.Errorf("%d results, each of an int, keep %d bytes", len(results), now-before)
	}
	runtime.KeepAlive(results)

	n := 0
	for b, err := range zeros.Map(t.Context(), p, func(yield func(int) bool) {
		for range 40 {
			if !yield(size) {
				return
			}
		}
	}) {
		if len(b) != size || err != nil {
			t.Fatal(len(b), err)
		}
		if n++; n == 40 {
			if now := heap(); now-before > 5*size {
				t.Errorf("a loop that has yielded all keeps %d bytes", now-before)
			}
		}
	}
}

var (
	lengthOf = process.Func("length", func(_ context.Context, b []byte) (int, error) { return len(b), nil })
	zeros    = process.Func("zeros", func(_ context.Context, n int) ([]byte, error) { return make([]byte, n), nil })
)
