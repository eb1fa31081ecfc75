package process_test

import (
	"context"
	"errors"
	"flag"
	"sync"
	"testing"
	"time"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/process"
	"github.com/isthmus-go/isthmus/shm"
)

var storm = flag.Bool("process.storm", false, "run the whole storm of TestPoolStorm")

const (
	stormTasks  = 10_000
	stormShort  = 1_000
	stormKills  = 20 * time.Millisecond // between two
	atStormOnce = atBegins + stormTasks/2
)

// A worker is killed every 20 ms. The result of each idempotent task comes once. Others have begun once, or
// not more than once if they are reported. Nothing hangs, and nothing is left.
func TestPoolStorm(t *testing.T) {
	proctest.Mortal(t)
	tasks := int64(stormTasks)
	if !*storm {
		tasks = int64(proctest.Scaled(stormShort))
	}
	p := newRig(t, rig{}, process.PoolOptions{Workers: 3, MaxAttempts: 1000, Queue: 64, MaxTasks: 300})
	ctx, cancel := context.WithCancel(t.Context())
	var killer sync.WaitGroup
	killer.Go(func() {
		for ctx.Err() == nil {
			time.Sleep(stormKills)
			shm.AddAt(board, atDoom, 1)
		}
	})

	var users sync.WaitGroup
	users.Go(func() {
		seen := make([]int, tasks/2)
		for x, err := range gust.MapUnordered(t.Context(), p, numbers(tasks/2)) {
			if err != nil {
				t.Errorf("idempotent: %v", err)
			} else {
				seen[x]++
			}
		}
		for x, n := range seen {
			if n != 1 {
				t.Errorf("the result of %d came %d times", x, n)
			}
			if board.Load(atBegins+x) < 1 {
				t.Errorf("%d has not begun", x)
			}
		}
	})
	died := make([]int, 4)
	for u := range died {
		users.Go(func() {
			for x := int64(u); x < tasks/2; x += int64(len(died)) {
				arg := gustOnceArg{At: atStormOnce + x}
				if x%50 == 0 {
					arg.More = make([]byte, 100_000)
				}
				r, err := gustOnce.Call(t.Context(), p, arg)
				var death *process.WorkerDied
				begins := board.Load(int(arg.At))
				switch {
				case errors.As(err, &death) && death.Attempt == 1 && begins <= 1:
					died[u]++
				case err != nil || len(r.More) != len(arg.More) || begins != 1:
					t.Errorf("task %d, begun %d times: %d, %v", x, begins, len(r.More), err)
				}
			}
		})
	}
	users.Wait()
	cancel()
	killer.Wait()
	closePool(t, p)
	t.Logf("%d tasks, %d workers killed, %d started, tasks reported: %v", tasks, board.Load(atKills), board.Load(atStarts), died)
	if board.Load(atKills) == 0 {
		t.Error("nobody was killed")
	}
}

const (
	atDoom = 32 // how many workers are to be killed
)

type gustOnceArg struct {
	At   int64
	More []byte
}

var gust = process.Func("gust", func(_ context.Context, x int64) (int64, error) {
	blow(atBegins + x)
	return x, nil
}, process.Idempotent)

var gustOnce = process.Func("gust once", func(_ context.Context, a gustOnceArg) (gustOnceArg, error) {
	blow(a.At)
	return a, nil
})

// blow says that a task has begun, and works for a while. The first one in a worker has it
// wait for its death.
func blow(at int64) {
	shm.AddAt(board, int(at), 1)
	doomed.Do(func() {
		go func() {
			for ; ; time.Sleep(100 * time.Microsecond) {
				n := board.Load(atKills)
				if n < board.Load(atDoom) && shm.CompareAndSwapAt(board, atKills, n, n+1) {
					killSelf()
				}
			}
		}()
	})
	for start := time.Now(); time.Since(start) < 200*time.Microsecond; {
	}
}

var doomed sync.Once
