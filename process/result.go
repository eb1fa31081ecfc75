package process

import (
	"context"
	"fmt"
	"sync"
)

// Result is what a task that was begun by [Task.Go] returns one day. Several goroutines may
// use it.
type Result[R any] struct {
	parcel
	codec codec[R]
	one   [1]outcome

	once  sync.Once
	value R
	err   error
}

// Call runs the task with an argument, and returns its result, or error. If ctx ends first, it
// returns at once an error that wraps that of ctx. Then a task that has not begun is not
// begun any more, and the context of one that runs is cancelled.
//
// The error is a [*TaskError] if the task has returned one, a [*PanicError] if it has panicked, and
// a [*WorkerDied] if its worker has died. It wraps [ErrPoison] if each worker that ran an idempotent task
// has died, [ErrEncoding] if the argument or the result cannot be passed, [ErrUnregistered] if the worker does not know the task, and
// [ErrPoolClosed], [ErrBroken], or the cause of the context of [NewPool], if the pool has ended.
func (t *Task[A, R]) Call(ctx context.Context, p *Pool, a A) (R, error) {
	r := t.begin(ctx, p, a)
	if !r.over() {
		select {
		case <-r.done:
		case <-ctx.Done():
			r.fail(ended(ctx))
		}
	}
	return r.get()
}

// Go is Call that does not wait for the result. It waits only if as many tasks as PoolOptions.Queue
// says are outstanding. When ctx ends, the task ends as in Call.
func (t *Task[A, R]) Go(ctx context.Context, p *Pool, a A) *Result[R] {
	r := t.begin(ctx, p, a)
	if ctx.Done() != nil && !r.over() {
		r.watch(ctx)
	}
	return r
}

// begin passes a task to the workers.
func (t *Task[A, R]) begin(ctx context.Context, p *Pool, a A) *Result[R] {
	r := &Result[R]{codec: t.result}
	r.parcel = parcel{pool: p, task: t.task, done: make(chan struct{}), outcomes: r.one[:]}
	var err error
	if r.args, err = t.appendArg(nil, a); err == nil && ctx.Err() != nil {
		err = ended(ctx)
	}
	if err == nil {
		err = r.pass(ctx)
	}
	if err != nil {
		r.fail(err)
	}
	return r
}

// Wait waits for the end of the task, and returns what Call does. If ctx ends before, it returns an
// error that wraps that of ctx, and the task goes on.
func (r *Result[R]) Wait(ctx context.Context) (R, error) {
	if !r.over() {
		select {
		case <-r.done:
		case <-ctx.Done():
			return *new(R), ended(ctx)
		}
	}
	return r.get()
}

// Done returns a channel that is closed when the task has ended: Wait does not wait then.
func (r *Result[R]) Done() <-chan struct{} { return r.done }

// String describes the result.
func (r *Result[R]) String() string {
	if !r.over() {
		return fmt.Sprintf("task %q: no result yet", r.task.name)
	}
	return fmt.Sprintf("task %q: ended", r.task.name)
}

// get returns the result of a task that has ended. It is decoded here, where a decoder may do what it likes.
func (r *Result[R]) get() (R, error) {
	r.once.Do(func() {
		decoded := false
		defer func() {
			if !decoded {
				r.err = fmt.Errorf("isthmus: task %q: result: %w: decoding has called runtime.Goexit", r.task.name, ErrEncoding)
			}
		}()
		r.value, r.err = r.codec.result(r.task.name, &r.one[0])
		r.one[0] = outcome{}
		decoded = true
	})
	return r.value, r.err
}

// result returns what an outcome stands for.
func (c codec[R]) result(name string, o *outcome) (r R, err error) {
	switch {
	case o.err != nil:
		return r, o.err
	case o.kind != isResult:
		return r, errorOf(o.kind, name, o.data)
	}
	if r, err = c.decode(o.data); err != nil {
		return *new(R), fmt.Errorf("isthmus: task %q: result of type %T: %w: %w", name, r, ErrEncoding, err)
	}
	return r, nil
}
