package process_test

import (
	"context"
	"errors"
	"iter"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/isthmus-go/isthmus/internal/proctest"
	iwait "github.com/isthmus-go/isthmus/internal/wait"
	"github.com/isthmus-go/isthmus/process"
	"github.com/isthmus-go/isthmus/shm"
)

// boardSize is how many counters a board has.
const boardSize = 1 << 14

// The board is what a test shares with the workers of its pool, and with the tasks there.
var board *shm.Array[int64]

// Places on the board, from which on numbers may be added.
const (
	atKills  = iota // how many workers the rig has killed
	atStarts        // how many workers have started
	atGo            // set by a test
	atSeen          // set by a task
	atPID           // of a worker, or of two
	atBegins = 64   // of a task with that number
)

// A rig is what the workers of a test do besides.
type rig struct {
	Step  int   // where they are killed
	Times int64 // how many of them, 0 meaning all
	Fail  int64 // how many of them fail to start
	After int64 // after how many, if not 0, all fail to start
	How   string
	Call  bool // they do not look at the queue before they are called
}

var setUp = process.Register("set up", func(_ context.Context, r rig) error {
	seg, err := process.Segment(0, nil)
	if err != nil {
		return err
	}
	if board, err = shm.NewArray[int64](seg, "board", boardSize); err != nil {
		return err
	}
	if n := shm.AddAt(board, atStarts, 1); n <= r.Fail || r.After > 0 && n > r.After {
		switch r.How {
		case "exit":
			os.Stderr.WriteString("no luck today\n")
			os.Exit(3)
		case "kill":
			killSelf()
		case "goexit":
			runtime.Goexit()
		case "panic":
			panic("no luck")
		}
		return errors.New("no luck")
	}
	if os.Getenv("ISTHMUS_PROCTEST_MORTAL") == "" { // see proctest.Mortal
		iwait.SetSlice(10 * time.Second)
	}
	if r.Call {
		process.SetRestPoll(time.Hour)
	}
	process.AtStep(func(s int) {
		if s == r.Step && (r.Times == 0 || shm.AddAt(board, atKills, 1) <= r.Times) {
			killSelf()
		}
	})
	return nil
})

func killSelf() {
	p, _ := os.FindProcess(os.Getpid())
	p.Kill()
	select {}
}

// newRig starts a pool whose workers have a board, and do what a rig says.
func newRig(t testing.TB, r rig, opts process.PoolOptions) *process.Pool {
	t.Helper()
	return newRigWith(t, t.Context(), r, opts)
}

func newRigWith(t testing.TB, ctx context.Context, r rig, opts process.PoolOptions) *process.Pool {
	t.Helper()
	proctest.Dir(t)
	seg := proctest.Must(shm.Create("board", 1<<18, nil))(t)
	board = proctest.Must(shm.NewArray[int64](seg, "board", boardSize))(t)
	t.Cleanup(func() {
		proctest.Check(t, seg.Close())
		proctest.Check(t, shm.Remove("board", nil))
	})
	opts.Segments = []*shm.Segment{seg}
	opts.Init = setUp.With(r)
	opts.Command = func(c *exec.Cmd) { c.Stderr = nil } // their traces are in errors
	if opts.Workers == 0 {
		opts.Workers = 2
	}
	return newPool(t, ctx, &opts)
}

// newPool starts a pool, which is closed at the end of the test, and has left nothing then.
func newPool(t testing.TB, ctx context.Context, opts *process.PoolOptions) *process.Pool {
	t.Helper()
	proctest.NoLeaks(t)
	before := runtime.NumGoroutine()
	t.Cleanup(func() {
		if !t.Failed() {
			proctest.Until(t, "no goroutine of the pool is left", func() bool { return runtime.NumGoroutine() <= before })
		}
	})
	p := proctest.Must(process.NewPool(ctx, opts))(t)
	t.Cleanup(func() { closePool(t, p) })
	return p
}

// closePool closes a pool, with a watchdog.
func closePool(t testing.TB, p *process.Pool) {
	t.Helper()
	err := proctest.Result(t, proctest.Go(p.Close))
	if err != nil && !errors.Is(err, process.ErrPoolClosed) && !errors.Is(err, context.Canceled) && !errors.Is(err, process.ErrBroken) {
		t.Errorf("Close: %v", err)
	}
}

// untilBoard waits for a number on the board.
func untilBoard(t testing.TB, what string, place int, n int64) {
	t.Helper()
	proctest.Until(t, what, func() bool { return board.Load(place) >= n })
}

type mapper = func(context.Context, *process.Pool, iter.Seq[int64]) iter.Seq2[int64, error]

func numbers(n int64) iter.Seq[int64] {
	return func(yield func(int64) bool) {
		for i := range n {
			if !yield(i) {
				return
			}
		}
	}
}

// want checks a result, with a watchdog.
func want[R comparable](t testing.TB, r *process.Result[R], value R) {
	t.Helper()
	if v, err := result(t, r); v != value || err != nil {
		t.Errorf("result is %v, %v, expected %v", v, err, value)
	}
}

func result[R any](t testing.TB, r *process.Result[R]) (R, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), proctest.Timeout())
	defer cancel()
	v, err := r.Wait(ctx)
	if ctx.Err() != nil {
		t.Fatal("no result comes")
	}
	return v, err
}

// wantDied checks that an error is a WorkerDied of that attempt.
func wantDied(t testing.TB, err error, attempt int) *process.WorkerDied {
	t.Helper()
	var died *process.WorkerDied
	if !errors.As(err, &died) {
		t.Fatalf("error is %v, expected a WorkerDied", err)
	}
	if died.Attempt != attempt || died.PID <= 0 || died.State == nil {
		t.Errorf("%+v, expected attempt %d", died, attempt)
	}
	return died
}

// wasKilled reports whether a process was killed, as by killSelf.
func wasKilled(s *os.ProcessState) bool {
	return !s.Success() && !slices.Contains([]int{0, 2, 3}, s.ExitCode())
}

// Tasks.

var square = process.Func("square", func(_ context.Context, x int64) (int64, error) { return x * x, nil }, process.Idempotent)

// count says on the board that it has begun, and returns its argument.
var count = process.Func("count", counted)
var countAgain = process.Func("count again", counted, process.Idempotent)

func counted(_ context.Context, x int64) (int64, error) {
	shm.AddAt(board, atBegins+int(x), 1)
	return x, nil
}

var pid = process.Func("pid", func(context.Context, struct{}) (int, error) { return os.Getpid(), nil })

// await says that it has begun, and waits for the test, or for the end of its context.
var await = process.Func("await", func(ctx context.Context, x int64) (int64, error) {
	shm.AddAt(board, atBegins+int(x), 1)
	shm.AddAt(board, atSeen, 1)
	for board.Load(atGo) == 0 {
		if ctx.Err() != nil {
			shm.AddAt(board, atSeen, 1000)
			return 0, ctx.Err()
		}
		runtime.Gosched()
	}
	return x, nil
})

// end ends its worker, in some way.
var end = process.Func("end", endIn)
var endAgain = process.Func("end again", endIn, process.Idempotent)

func endIn(_ context.Context, how string) (string, error) {
	if board != nil {
		shm.AddAt(board, atSeen, 1)
	}
	switch how {
	case "kill":
		killSelf()
	case "exit 0":
		os.Exit(0)
	case "exit 3":
		os.Stderr.WriteString("ends by 3\n")
		os.Exit(3)
	case "crash":
		go func() { panic("in another goroutine") }()
		select {}
	case "panic":
		panic("by itself")
	case "nil map":
		nilMap[how] = 1
	case "goexit":
		runtime.Goexit()
	case "error":
		return "", errors.New("an error")
	case "canceled":
		return "", context.Canceled
	case "bad error":
		return "", (*badError)(nil)
	}
	return how, nil
}

var nilMap map[string]int

type badError struct{ text string }

func (e *badError) Error() string { return e.text } // panics if nil
