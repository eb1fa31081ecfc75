package process

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"strings"
)

// The errors of a [Pool], which those that are returned wrap.
var (
	// ErrPoolClosed reports a task for a pool that is closed.
	ErrPoolClosed = errors.New("pool is closed")
	// ErrBroken reports that a pool has ended, since its workers died one after another
	// before they had begun a task, or could not be started.
	ErrBroken = errors.New("pool is broken: no worker starts")
	// ErrPoison reports an idempotent task that was begun PoolOptions.MaxAttempts
	// times, and each time its worker died. The error wraps the last *WorkerDied too.
	ErrPoison = errors.New("task is poison: each worker that ran it has died")
	// ErrUnregistered reports a task that its worker did not know when it called Main.
	ErrUnregistered = errors.New("not registered in the worker when Main was called")
	// ErrEncoding reports an argument or a result that cannot be encoded, or not decoded.
	ErrEncoding = errors.New("cannot be passed between processes")
)

// WorkerDied reports that a worker has ended in a task, or before its first one.
type WorkerDied struct {
	// Task is the name of the task. It is empty if no task was begun.
	Task string

	// PID and State are those of the worker.
	PID   int
	State *os.ProcessState

	// Stderr is the end of what it has written to its standard error, at most 4096 bytes.
	Stderr string

	// Attempt says how often the task was begun, this time included. It is 0 if no task was.
	Attempt int

	err error // of Process.Wait, or nil
}

// Error says how the worker has ended.
func (e *WorkerDied) Error() string {
	text := "isthmus: "
	if e.Task != "" {
		text += fmt.Sprintf("task %q: ", e.Task)
	}
	text += fmt.Sprintf("worker died, pid %d: %v", e.PID, e.State)
	if e.Attempt > 0 {
		text += fmt.Sprintf(", in attempt %d", e.Attempt)
	}
	if exit := (*ExitError)(nil); errors.As(e.err, &exit) && exit.Err != "" {
		text += ": " + exit.Err
	}
	return text
}

// Unwrap returns the [*ExitError], if the worker has not ended with status 0.
func (e *WorkerDied) Unwrap() error { return e.err }

// TaskError is an error that a task has returned. errors.Is finds context.Canceled and
// context.DeadlineExceeded in it if the task's error has wrapped them.
type TaskError struct {
	Func string // the name of the task
	Text string // the text of its error

	causes byte
}

// Error returns the name of the task and the text of its error.
func (e *TaskError) Error() string { return fmt.Sprintf("isthmus: task %q: %s", e.Func, e.Text) }

// Is reports whether the task's error has wrapped target, an error of package context.
func (e *TaskError) Is(target error) bool {
	switch target {
	case context.Canceled:
		return e.causes&canceled != 0
	case context.DeadlineExceeded:
		return e.causes&deadlineExceeded != 0
	}
	return false
}

// PanicError reports a panic of a task. Its worker lives on. A task that calls runtime.Goexit
// ends so too.
type PanicError struct {
	Func  string // the name of the task
	Value string // the value of the panic, as fmt prints it
	Stack string // where it was
}

// Error returns the name of the task, the value of the panic, and its stack.
func (e *PanicError) Error() string {
	return fmt.Sprintf("isthmus: task %q: panic: %s\n\n%s", e.Func, e.Value, strings.TrimSpace(e.Stack))
}

// Errors as they come from a worker: the data of an outcome.

// appendCauses appends what a TaskError is made of.
func appendError(b []byte, err error) []byte {
	var causes byte
	if errors.Is(err, context.Canceled) {
		causes |= canceled
	}
	if errors.Is(err, context.DeadlineExceeded) {
		causes |= deadlineExceeded
	}
	return append(append(b, causes), err.Error()...)
}

// appendPanic appends what a PanicError is made of.
func appendPanic(b []byte, value, stack string) []byte {
	b = binary.AppendUvarint(b, uint64(len(value)))
	return append(append(b, value...), stack...)
}

// errorOf returns the error that a worker has sent.
func errorOf(kind kind, name string, data []byte) error {
	switch {
	case kind == isError && len(data) > 0:
		return &TaskError{Func: name, Text: string(data[1:]), causes: data[0]}
	case kind == isPanic:
		value, stack, ok := cutPrefixed(data)
		if ok {
			return &PanicError{Func: name, Value: string(value), Stack: string(stack)}
		}
	case kind == isUnencodable:
		return fmt.Errorf("isthmus: task %q: %s: %w", name, data, ErrEncoding)
	case kind == isUnknown:
		return fmt.Errorf("isthmus: task %q: %w", name, ErrUnregistered)
	}
	return fmt.Errorf("isthmus: task %q: worker sent an outcome %d of %d bytes: %w", name, kind, len(data), os.ErrInvalid)
}

// cutPrefixed cuts off what has its length before it.
func cutPrefixed(b []byte) (first, rest []byte, ok bool) {
	n, size := binary.Uvarint(b)
	if size <= 0 || n > uint64(len(b)-size) {
		return nil, nil, false
	}
	b = b[size:]
	return b[:n], b[n:], true
}

// ended returns the error of a context that is done.
func ended(ctx context.Context) error {
	if cause := context.Cause(ctx); cause != ctx.Err() {
		return fmt.Errorf("isthmus: %w: %w", ctx.Err(), cause)
	}
	return fmt.Errorf("isthmus: %w", ctx.Err())
}
