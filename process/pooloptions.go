package process

import (
	"fmt"
	"io/fs"
	"os/exec"
	"runtime"
	"time"

	"github.com/isthmus-go/isthmus/shm"
)

// PoolOptions say how a pool is made. A nil *PoolOptions and the zero value mean the defaults.
type PoolOptions struct {
	// Workers is the number of worker processes, up to 500. 0 means runtime.NumCPU.
	Workers int

	// MaxTasks is after how many tasks a worker ends, and another takes its place. 0 means
	// never. A worker ends between two tasks. With chunks of Map it may run up to a quarter more.
	MaxTasks int

	// MaxAttempts is how often an [Idempotent] task is begun, if its workers die, until it is
	// ErrPoison. 0 means 3.
	MaxAttempts int

	// Grace is the time that workers have to end when the pool does, until they are killed.
	// 0 means 5 seconds. If it is negative, there is none.
	Grace time.Duration

	// Init is called in each worker before its first task: see [Function.With].
	Init Call

	// Queue is how many tasks may be outstanding, up to 32768: begun, or not begun, and without
	// a result. A chunk of Map counts as one. 0 means 128, or 4 for each worker if that is more.
	Queue int

	// Segments are opened by [Segment] in the workers. They must stay open until the pool has ended.
	Segments []*shm.Segment

	// Command may change how workers are started, as Options.Command may. Several goroutines call it,
	// also at the same time.
	Command func(*exec.Cmd)
}

const (
	defaultQueue    = 128
	maxQueue        = 1 << 15
	defaultAttempts = 3
)

// withDefaults returns the options that o stands for, or says why it is none.
func (o *PoolOptions) withDefaults() (PoolOptions, error) {
	var opts PoolOptions
	if o != nil {
		opts = *o
	}
	if opts.Workers == 0 {
		opts.Workers = min(runtime.NumCPU(), maxWorkers)
	}
	if opts.MaxAttempts == 0 {
		opts.MaxAttempts = defaultAttempts
	}
	if opts.Queue == 0 {
		opts.Queue = max(defaultQueue, 4*opts.Workers)
	}
	switch {
	case opts.Workers < 0 || opts.Workers > maxWorkers:
		return opts, fmt.Errorf("isthmus: pool of %d workers: want 1 to %d: %w", opts.Workers, maxWorkers, fs.ErrInvalid)
	case opts.MaxTasks < 0:
		return opts, fmt.Errorf("isthmus: MaxTasks %d: %w", opts.MaxTasks, fs.ErrInvalid)
	case opts.MaxAttempts < 0:
		return opts, fmt.Errorf("isthmus: MaxAttempts %d: %w", opts.MaxAttempts, fs.ErrInvalid)
	case opts.Queue < 0 || opts.Queue > maxQueue:
		return opts, fmt.Errorf("isthmus: Queue %d: want 1 to %d: %w", opts.Queue, maxQueue, fs.ErrInvalid)
	case opts.Init.err != nil:
		return opts, fmt.Errorf("isthmus: Init: %w", opts.Init.err)
	}
	return opts, nil
}

// Call is a call of a function that is to come, see [Function.With]. The zero Call calls nothing.
type Call struct {
	name string
	arg  []byte
	err  error
}

// With returns a call of f with an argument, for PoolOptions.Init. What cannot be encoded is an error
// of [NewPool].
func (f *Function[A]) With(arg A) Call {
	c := Call{name: f.name}
	if c.arg, c.err = f.encode(arg); c.err != nil {
		c.err = fmt.Errorf("%q: %w", f.name, c.err)
	}
	return c
}
