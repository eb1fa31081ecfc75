package process_test

import (
	"context"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/process"
	"github.com/isthmus-go/isthmus/shm"
)

// Go waits while as many tasks as Queue says are outstanding.
func TestPoolQueue(t *testing.T) {
	p := newRig(t, rig{}, process.PoolOptions{Workers: 1, Queue: 2})
	first, second := await.Go(t.Context(), p, 1), await.Go(t.Context(), p, 2)
	ctx, cancel := context.WithCancel(t.Context())
	waits := proctest.Go(func() error { _, err := result(t, await.Go(ctx, p, 3)); return err })
	untilBoard(t, "the first one runs", atBegins+1, 1)
	select {
	case err := <-waits:
		t.Errorf("third task: %v", err)
	default:
	}
	cancel()
	proctest.WantError(t, "third task", proctest.Result(t, waits), context.Canceled)
	board.Store(atGo, 1)
	want(t, first, 1)
	want(t, second, 2)
	for i := range int64(1000) {
		want(t, square.Go(t.Context(), p, i), i*i)
	}
}

// A queue that is full, of what was given up, makes tasks wait. The wait ends when there is room,
// with their context, and with the pool.
func TestPoolFull(t *testing.T) {
	proctest.Mortal(t)
	ctx, cancel := context.WithCancel(t.Context())
	p := newRigWith(t, ctx, rig{}, process.PoolOptions{Workers: 1, Queue: 1, Grace: time.Millisecond})
	waits := func(ctx context.Context) <-chan error {
		return proctest.Go(func() error { _, err := square.Call(ctx, p, 3); return err })
	}
	fill := func(f *process.Task[int64, int64]) {
		before := board.Load(atSeen)
		given, giveUp := context.WithCancel(t.Context())
		runs := f.Go(given, p, 1)
		untilBoard(t, "one runs", atSeen, before+1)
		giveUp()
		_, err := result(t, runs)
		proctest.WantError(t, "what runs", err, context.Canceled)
		given, giveUp = context.WithCancel(t.Context())
		queued := proctest.Go(func() error { _, err := square.Call(given, p, 2); return err })
		giveUp()
		proctest.WantError(t, "what is queued", proctest.Result(t, queued), context.Canceled)
	}
	fill(lazy)
	given, giveUp := context.WithCancel(t.Context())
	third := waits(given)
	giveUp()
	proctest.WantError(t, "what waits", proctest.Result(t, third), context.Canceled)
	third = waits(t.Context())
	board.Store(atGo, 1)
	proctest.Check(t, proctest.Result(t, third))

	fill(stubborn)
	third = waits(t.Context())
	cancel()
	proctest.WantError(t, "what waits", proctest.Result(t, third), context.Canceled)
}

// lazy says that it has begun, and waits for the test only.
var lazy = process.Func("lazy", func(_ context.Context, x int64) (int64, error) {
	for shm.AddAt(board, atSeen, 1); board.Load(atGo) == 0; {
		runtime.Gosched()
	}
	return x, nil
})

// Workers are replaced after so many tasks, but not in one.
func TestPoolMaxTasks(t *testing.T) {
	p := newRig(t, rig{}, process.PoolOptions{Workers: 1, MaxTasks: 1})
	seen := map[int]bool{}
	for range 5 {
		seen[proctest.Must(pid.Call(t.Context(), p, struct{}{}))(t)] = true
	}
	if len(seen) != 5 {
		t.Errorf("%d workers have run 5 tasks", len(seen))
	}
	closePool(t, p)

	p = newRig(t, rig{}, process.PoolOptions{MaxTasks: 8})
	runs := map[int]int{}
	for id, err := range pid.Map(t.Context(), p, func(yield func(struct{}) bool) {
		for i := 0; i < 100 && yield(struct{}{}); i++ {
		}
	}) {
		proctest.Check(t, err)
		runs[id]++
	}
	for id, n := range runs {
		if n > 8+1 {
			t.Errorf("worker %d has run %d tasks", id, n)
		}
	}
	if len(runs) < 100/9 {
		t.Errorf("%d workers", len(runs))
	}
}

// Any number of goroutines may use a pool, and each other's results.
func TestPoolCrowd(t *testing.T) {
	p := newRig(t, rig{}, process.PoolOptions{Queue: 16})
	var crowd sync.WaitGroup
	for g := range 20 {
		crowd.Go(func() {
			for i := range int64(50) {
				x := int64(g)*1000 + i
				r := square.Go(t.Context(), p, x)
				crowd.Go(func() { want(t, r, x*x) })
			}
		})
	}
	crowd.Wait()
}

// With one task at a time, workers rest. As many as are needed are called.
func TestPoolRest(t *testing.T) {
	const workers = 3
	p := newRig(t, rig{Call: true}, process.PoolOptions{Workers: workers})
	for range proctest.Scaled(50) {
		for i := range int64(10) {
			want(t, square.Go(t.Context(), p, i), i*i)
		}
		board.Store(atGo, 0)
		board.Store(atSeen, 0)
		var results [workers]*process.Result[int64]
		for i := range results {
			results[i] = await.Go(t.Context(), p, int64(i))
		}
		untilBoard(t, "all workers run", atSeen, workers)
		board.Store(atGo, 1)
		for i, r := range results {
			want(t, r, int64(i))
		}
	}
}
