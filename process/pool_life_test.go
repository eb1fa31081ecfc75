package process_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/process"
	"github.com/isthmus-go/isthmus/shm"
)

// Close waits for what there is, and takes nothing more.
func TestPoolClose(t *testing.T) {
	p := newRig(t, rig{}, process.PoolOptions{})
	var results []*process.Result[int64]
	for i := range int64(100) {
		results = append(results, await.Go(t.Context(), p, i))
	}
	untilBoard(t, "tasks run", atSeen, 2)
	closed := proctest.Go(p.Close)
	proctest.Until(t, "the pool takes no more tasks", func() bool {
		ctx, cancel := context.WithCancel(t.Context())
		r := square.Go(ctx, p, 1)
		cancel()
		_, err := result(t, r)
		return errors.Is(err, process.ErrPoolClosed)
	})
	for _, err := range square.Map(t.Context(), p, numbers(10)) {
		proctest.WantError(t, "Map", err, process.ErrPoolClosed)
	}
	select {
	case err := <-closed:
		t.Errorf("Close has returned %v before the tasks have ended", err)
	default:
	}
	board.Store(atGo, 1)
	proctest.Check(t, proctest.Result(t, closed))
	for i, r := range results {
		want(t, r, int64(i))
	}
	proctest.WantError(t, "second Close", p.Close(), process.ErrPoolClosed)
	_, err := square.Call(t.Context(), p, 1)
	proctest.WantError(t, "Call after Close", err, process.ErrPoolClosed)
}

// What nobody waits for holds Close up for Grace only.
func TestPoolCloseGrace(t *testing.T) {
	proctest.Mortal(t)
	p := newRig(t, rig{}, process.PoolOptions{Grace: time.Millisecond})
	ctx, cancel := context.WithCancel(t.Context())
	r := stubborn.Go(ctx, p, 1)
	untilBoard(t, "it runs", atSeen, 1)
	cancel()
	_, err := result(t, r)
	proctest.WantError(t, "result", err, context.Canceled)
	proctest.Check(t, proctest.Result(t, proctest.Go(p.Close)))
}

// stubborn says that it has begun, and never ends.
var stubborn = process.Func("stubborn", func(_ context.Context, x int64) (int64, error) {
	board.Store(atPID+int(x), int64(os.Getpid()))
	shm.AddAt(board, atSeen, 1)
	select {}
})

// A context reaches a task that runs, and keeps one that does not run from it.
func TestPoolCancel(t *testing.T) {
	p := newRig(t, rig{}, process.PoolOptions{Workers: 1})
	worker := proctest.Must(pid.Call(t.Context(), p, struct{}{}))(t)
	ctx, cancel := context.WithCancel(t.Context())
	runs := await.Go(ctx, p, 1)
	queued := await.Go(ctx, p, 2)
	untilBoard(t, "the first one runs", atBegins+1, 1)
	cancel()
	for _, r := range []*process.Result[int64]{runs, queued} {
		_, err := result(t, r)
		proctest.WantError(t, "result", err, context.Canceled)
	}
	untilBoard(t, "its context is cancelled", atSeen, 1000)
	if now := proctest.Must(pid.Call(t.Context(), p, struct{}{}))(t); now != worker {
		t.Errorf("worker is %d, was %d", now, worker)
	}
	if n := board.Load(atBegins + 2); n != 0 {
		t.Errorf("what was queued has begun %d times", n)
	}

	why := errors.New("why")
	cause, cancelCause := context.WithCancelCause(t.Context())
	called := proctest.Go(func() error { _, err := await.Call(cause, p, 3); return err })
	untilBoard(t, "Call runs", atBegins+3, 1)
	cancelCause(why)
	err := proctest.Result(t, called)
	proctest.WantError(t, "Call", err, why)
	proctest.WantError(t, "Call", err, context.Canceled)
	untilBoard(t, "its context is cancelled", atSeen, 2000)

	_, err = await.Call(cause, p, 4)
	proctest.WantError(t, "Call with a context that has ended", err, context.Canceled)
	if n := board.Load(atBegins + 4); n != 0 {
		t.Errorf("it has begun %d times", n)
	}

	// The end of Wait's context ends Wait only.
	r := await.Go(t.Context(), p, 5)
	_, err = r.Wait(cause)
	proctest.WantError(t, "Wait", err, context.Canceled)
	board.Store(atGo, 1)
	want(t, r, 5)
}

// A large argument that is not wanted any more is not sent to its end, and does not reach the task.
func TestPoolCancelFetching(t *testing.T) {
	p := newRig(t, rig{}, process.PoolOptions{Workers: 1})
	large := make([]byte, 8<<20)
	for range 20 {
		ctx, cancel := context.WithCancel(t.Context())
		r := echo.bytes.Go(ctx, p, large)
		go cancel()
		if _, err := result(t, r); err != nil && !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		want(t, square.Go(t.Context(), p, 3), 9)
	}
}

// The end of the pool's context ends all, and says why.
func TestPoolTerminate(t *testing.T) {
	proctest.Mortal(t)
	why := errors.New("why")
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	p := newRigWith(t, ctx, rig{}, process.PoolOptions{Queue: 8})
	var results []*process.Result[int64]
	for i := range int64(8) {
		results = append(results, await.Go(t.Context(), p, i))
	}
	waits := proctest.Go(func() error { _, err := await.Call(t.Context(), p, 9); return err })
	untilBoard(t, "two run", atSeen, 2)
	cancel(why)
	for _, r := range results {
		_, err := result(t, r)
		proctest.WantError(t, "task", err, why)
	}
	proctest.WantError(t, "task that waits for room", proctest.Result(t, waits), why)
	proctest.WantError(t, "Close", proctest.Result(t, proctest.Go(p.Close)), why)
	if n := board.Load(atSeen); n != 2002 {
		t.Errorf("seen: %d, expected two that were begun and cancelled", n)
	}
}

// It may end at any moment, and without a Close.
func TestPoolTerminateAnytime(t *testing.T) {
	proctest.Mortal(t)
	random := proctest.Random(t)
	for range proctest.Scaled(10) {
		ctx, cancel := context.WithCancel(t.Context())
		p := newRigWith(t, ctx, rig{}, process.PoolOptions{Queue: 16, Grace: 10 * time.Millisecond})
		var users sync.WaitGroup
		for i := range 4 {
			users.Go(func() {
				for n := int64(0); ; n++ {
					var err error
					switch i {
					case 0:
						_, err = square.Call(t.Context(), p, n)
					case 1:
						_, err = echo.bytes.Call(t.Context(), p, make([]byte, 100_000))
					case 2:
						_, err = end.Call(t.Context(), p, []string{"kill", "exit 0", "panic", "error", "fine"}[rand.IntN(5)])
						if !errors.Is(err, context.Canceled) {
							err = nil
						}
					case 3:
						for _, err = range countAgain.Map(t.Context(), p, numbers(1000)) {
						}
					}
					if err != nil {
						if !errors.Is(err, context.Canceled) {
							t.Errorf("user %d: %v", i, err)
						}
						return
					}
				}
			})
		}
		go func() {
			time.Sleep(time.Duration(random.IntN(30)) * time.Millisecond) // any moment will do
			cancel()
		}()
		users.Wait()
		if random.IntN(2) == 0 {
			closePool(t, p)
		}
	}
}

// Workers that were idle and are killed are replaced.
func TestPoolKilledIdle(t *testing.T) {
	proctest.Mortal(t)
	p := newRig(t, rig{}, process.PoolOptions{})
	for range 4 {
		id := proctest.Must(pid.Call(t.Context(), p, struct{}{}))(t)
		worker := proctest.Must(os.FindProcess(id))(t)
		worker.Kill()
		worker.Release()
		for i := range int64(10) {
			want(t, countAgain.Go(t.Context(), p, i), i)
		}
	}
}

// TestPoolStrings shows what prints for a pool and for a result: none of what they contain, which
// others change.
func TestPoolStrings(t *testing.T) {
	p := newPool(t, t.Context(), &process.PoolOptions{Workers: 2})
	r := square.Go(t.Context(), p, 3)
	<-r.Done()
	if got, want := fmt.Sprint(p, r), `pool of 2 workers task "square": ended`; got != want {
		t.Errorf("they print as %q, want %q", got, want)
	}
	p.Close()
	if got, want := p.String(), "pool of 2 workers: pool is closed"; got != want {
		t.Errorf("a closed pool is %q, want %q", got, want)
	}
}
