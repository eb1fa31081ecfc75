package main

import (
	"context"
	"fmt"
	"iter"
	"os"
	"runtime"
	"time"

	"github.com/isthmus-go/isthmus/process"
)

const (
	poolWorkers = 2

	// outstanding is how many tasks mode go has under way.
	outstanding = 256

	// squareChunk is how many squares make a chunk, in systems that have to be told.
	squareChunk = 1024
)

// The modes of pools, and what their titles call them.
const (
	poolCall = "call" // each waits for its result before the next
	poolGo   = "go"   // many are under way
	poolMap  = "map"  // all are known from the start, and so go in chunks
)

var poolModes = map[string]string{
	poolCall: "call by call",
	poolGo:   fmt.Sprintf("go by %d", outstanding),
	poolMap:  "in a map",
}

// A task is a number, and its result the square.
var (
	square = process.Func("bench/square", func(_ context.Context, x uint64) (uint64, error) { return x * x, nil })
	pid    = process.Func("bench/pid", func(context.Context, struct{}) (int, error) {
		time.Sleep(time.Millisecond) // so that another worker takes the next
		return os.Getpid(), nil
	})
)

// poolRows are tasks of 8 bytes, whose results have as many, on process.Pool. The side that measures is the parent. It
// has two workers, and like them may run on both CPUs.
func poolRows() []row {
	return squareRows(row{System: "process.Pool", attach: attachPool})
}

// squareRows expands a pool over its modes.
func squareRows(r row) []row {
	if runtime.GOOS != "linux" {
		return nil
	}
	r.Workload, r.Size, r.Procs, r.spread = pool, 8, 1, true
	one, many, all := r, r, r
	one.Mode, one.Batch = poolCall, 1
	many.Mode, many.Batch = poolGo, outstanding
	all.Mode, all.Batch = poolMap, 1
	return []row{one, many, all}
}

// newPool starts a pool, and returns when all workers are there.
func newPool() (*process.Pool, error) {
	ctx := context.Background()
	p, err := process.NewPool(ctx, &process.PoolOptions{Workers: poolWorkers})
	if err != nil {
		return nil, err
	}
	for seen := map[int]bool{}; len(seen) < poolWorkers; {
		var results [2 * poolWorkers]*process.Result[int]
		for i := range results {
			results[i] = pid.Go(ctx, p, struct{}{})
		}
		for _, r := range results {
			id, err := r.Wait(ctx)
			if err != nil {
				return nil, err
			}
			seen[id] = true
		}
	}
	return p, nil
}

func attachPool(r row, _ inherited) (joiner, error) {
	p, err := newPool()
	if err != nil {
		return nil, err
	}
	ctx := context.Background()
	return squarer{
		call:  func(x uint64) (uint64, error) { return square.Call(ctx, p, x) },
		begin: func(x uint64) waiter { return square.Go(ctx, p, x) },
		all:   func(xs iter.Seq[uint64]) iter.Seq2[uint64, error] { return square.Map(ctx, p, xs) },
	}.join(r), nil
}

// A squarer is a pool that computes squares.
type squarer struct {
	call  func(uint64) (uint64, error)
	begin func(uint64) waiter
	all   func(iter.Seq[uint64]) iter.Seq2[uint64, error]
}

// A waiter is a task that has begun.
type waiter interface {
	Wait(context.Context) (uint64, error)
}

// join makes the loop of a mode.
func (s squarer) join(r row) joiner {
	loops := map[string]loop{poolCall: s.oneByOne, poolGo: s.manyAtOnce, poolMap: s.inChunks}
	return func(int) (loop, error) { return loops[r.Mode], nil }
}

func (s squarer) oneByOne(seq uint64, n int) error {
	for end := seq + uint64(n); seq != end; seq++ {
		if y, err := s.call(seq); err != nil || y != seq*seq {
			return wrongSquare(seq, err)
		}
	}
	return nil
}

// manyAtOnce begins a task as soon as the oldest has its result.
func (s squarer) manyAtOnce(seq uint64, n int) error {
	var begun [outstanding]waiter
	ctx := context.Background()
	first, end := seq, seq+uint64(n)
	for ; first != end; first++ {
		for ; seq != end && seq-first < outstanding; seq++ {
			begun[seq%outstanding] = s.begin(seq)
		}
		if y, err := begun[first%outstanding].Wait(ctx); err != nil || y != first*first {
			return wrongSquare(first, err)
		}
	}
	return nil
}

func (s squarer) inChunks(seq uint64, n int) error {
	end := seq + uint64(n)
	xs := func(yield func(uint64) bool) {
		for x := seq; x != end && yield(x); x++ {
		}
	}
	next := seq
	for y, err := range s.all(xs) {
		if err != nil || y != next*next {
			return wrongSquare(next, err)
		}
		next++
	}
	if next != end {
		return fmt.Errorf("%d results of %d tasks", next-seq, n)
	}
	return nil
}

// wrongSquare is the error of a task that has failed, or has another result.
func wrongSquare(x uint64, err error) error {
	if err != nil {
		return fmt.Errorf("task %d: %w", x, err)
	}
	return fmt.Errorf("task %d has the result of another, or a wrong one", x)
}
