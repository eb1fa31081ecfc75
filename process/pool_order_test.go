package process_test

import (
	"context"
	"errors"
	"os/exec"
	"sync/atomic"
	"testing"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/process"
	"github.com/isthmus-go/isthmus/shm"
)

// A worker may begin a task before Start has returned here. A recall finds it all the same.
func TestPoolRecallAtStart(t *testing.T) {
	var pool atomic.Pointer[process.Pool]
	var starts, linked atomic.Int32
	p := newPool(t, t.Context(), &process.PoolOptions{Workers: 1, MaxTasks: 1, Command: func(*exec.Cmd) {
		if p := pool.Load(); p != nil {
			starts.Add(1)
			if process.Linked(p, 0) {
				linked.Add(1)
			}
		}
	}})
	want(t, square.Go(t.Context(), p, 2), 4)
	pool.Store(p)
	want(t, square.Go(t.Context(), p, 3), 9)
	want(t, square.Go(t.Context(), p, 4), 16)
	if starts.Load() == 0 || starts.Load() != linked.Load() {
		t.Errorf("of %d workers, %d were linked before they started", starts.Load(), linked.Load())
	}
}

// After the last serial of a gate comes another first one.
func TestPoolSerialsEnd(t *testing.T) {
	p := newPool(t, t.Context(), &process.PoolOptions{Workers: 1, Queue: 1})
	process.SetSerials(p, 1<<32-3)
	large := make([]byte, 1000)
	for range 5 {
		if v, err := result(t, echo.bytes.Go(t.Context(), p, large)); len(v) != len(large) || err != nil {
			t.Errorf("%d bytes, %v", len(v), err)
		}
	}
}

// What was given up, and not yet seen by a busy worker, does not keep Go waiting.
func TestPoolGoGivenUp(t *testing.T) {
	p := newRig(t, rig{}, process.PoolOptions{Workers: 1, Queue: 4})
	first := await.Go(t.Context(), p, 1)
	untilBoard(t, "the first one runs", atBegins+1, 1)
	gone := proctest.Go(func() (err error) {
		for i := range int64(1000) {
			ctx, cancel := context.WithCancel(t.Context())
			r := await.Go(ctx, p, 2+i)
			cancel()
			if _, e := r.Wait(t.Context()); !errors.Is(e, context.Canceled) {
				err = e
			}
		}
		return err
	})
	proctest.Check(t, proctest.Result(t, gone))
	last := proctest.Go(func() *process.Result[int64] { return await.Go(t.Context(), p, 2000) })
	r := proctest.Result(t, last)
	board.Store(atGo, 1)
	want(t, first, 1)
	want(t, r, 2000)
	for i := range 1000 {
		if n := board.Load(atBegins + 2 + i); n != 0 {
			t.Errorf("task %d was given up, and has begun", i)
		}
	}
}

// A worker that dies in what was given up meanwhile has begun a task all the same.
func TestPoolDiesGivenUp(t *testing.T) {
	proctest.Mortal(t)
	process.SetFirstPause(t)
	p := newRig(t, rig{}, process.PoolOptions{Workers: 1})
	for i := range int64(10) {
		ctx, cancel := context.WithCancel(t.Context())
		r := dies.Go(ctx, p, i)
		untilBoard(t, "it runs", atBegins+int(i), 1)
		cancel()
		_, err := result(t, r)
		proctest.WantError(t, "result", err, context.Canceled)
	}
	want(t, square.Go(t.Context(), p, 3), 9)
}

// dies kills its worker when its context ends.
var dies = process.Func("dies", func(ctx context.Context, x int64) (int64, error) {
	shm.AddAt(board, atBegins+int(x), 1)
	<-ctx.Done()
	killSelf()
	return x, nil
})

// A decoder that ends its goroutine has no result, here or there.
func TestPoolDecoderGoexit(t *testing.T) {
	p := newPool(t, t.Context(), &process.PoolOptions{Workers: 1})
	for _, side := range []string{"goexit argument", "goexit result"} {
		r := echo.odd.Go(t.Context(), p, oddity{side})
		<-r.Done()
		first := make(chan struct{})
		go func() {
			defer close(first)
			r.Wait(t.Context())
		}()
		<-first
		_, err := result(t, r)
		proctest.WantError(t, side, err, process.ErrEncoding)
	}
	want(t, square.Go(t.Context(), p, 3), 9)
}
