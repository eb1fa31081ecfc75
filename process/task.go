package process

import (
	"context"
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"runtime/debug"
	"sync"
)

// Task is a function that the workers of a [Pool] run. [Func] makes it.
type Task[A, R any] struct {
	*task
	arg    codec[A]
	result codec[R]
	f      func(context.Context, A) (R, error)
}

// task is a Task of any types.
type task struct {
	name       string
	id         uint64 // what a slot has in place of the name
	idempotent bool
	size       int // of each argument, or -1: then its length is before it
	call       func(ctx context.Context, arg []byte, o *outcome)
}

// TaskOption is an option of [Func].
type TaskOption int

// Idempotent says that a task may be begun more than once: if the worker dies that runs it, another one
// runs it again, up to PoolOptions.MaxAttempts times. Without it, a task is begun at most once.
const Idempotent TaskOption = 1

// Func makes f the task called name. Call it for a package-level variable: the task must be registered
// under the same name in the workers, before they call [Main]. Func panics if the name is empty
// or taken, or if f is nil.
//
// Arguments and results may be of plain types, strings and slices of plain types, of which the bytes
// are passed; a plain type is a number, a bool, or an array or struct of plain types. Others
// may be of any type that encoding/gob takes. There is no limit to their size. Empty and nil slices
// are the same.
//
// The context of f is cancelled when that of the caller ends, or the pool, and after f has returned: in a
// chunk of Map, after the last one of the chunk.
// That f panics, or calls runtime.Goexit, is a [*PanicError], and its worker goes on. If it ends the
// process, by whatever status, its worker has died.
func Func[A, R any](name string, f func(context.Context, A) (R, error), opts ...TaskOption) *Task[A, R] {
	if name == "" || f == nil {
		panic("process: Func without a name or a function")
	}
	t := &Task[A, R]{&task{name: name, id: taskID(name), size: -1}, codecOf[A](), codecOf[R](), f}
	for _, o := range opts {
		t.idempotent = t.idempotent || o == Idempotent
	}
	if size, ok := t.arg.fixed(); ok {
		t.size = size
	}
	t.call = t.run
	tasks.Lock()
	defer tasks.Unlock()
	if other := tasks.byID[t.id]; other != nil {
		panic(fmt.Sprintf("process: the name of task %q is taken by %q", name, other.name))
	}
	tasks.byID[t.id] = t.task
	return t
}

// Name returns the name of the task.
func (t *Task[A, R]) Name() string { return t.name }

var tasks = struct {
	sync.Mutex
	byID map[uint64]*task
}{byID: map[uint64]*task{}}

func taskOf(id uint64) *task {
	tasks.Lock()
	defer tasks.Unlock()
	return tasks.byID[id]
}

// taskID is the same in all processes, whatever else they have registered.
func taskID(name string) uint64 {
	h := fnv.New64a()
	h.Write([]byte(name))
	return h.Sum64()
}

// appendArg appends an argument to those of a chunk.
func (t *Task[A, R]) appendArg(b []byte, a A) ([]byte, error) {
	at := len(b)
	long, err := t.arg.append(b, a)
	if err != nil {
		return b, fmt.Errorf("isthmus: task %q: argument of type %T: %w: %w", t.name, a, ErrEncoding, err)
	}
	if t.size >= 0 {
		return long, nil
	}
	var prefix [binary.MaxVarintLen64]byte
	n := binary.PutUvarint(prefix[:], uint64(len(long)-at))
	long = append(long, prefix[:n]...)
	copy(long[at+n:], long[at:len(long)-n])
	copy(long[at:], prefix[:n])
	return long, nil
}

// cutArg cuts off the next argument of a chunk.
func (t *task) cutArg(b []byte) (arg, rest []byte, ok bool) {
	if t.size < 0 {
		return cutPrefixed(b)
	}
	if len(b) < t.size {
		return nil, nil, false
	}
	return b[:t.size], b[t.size:], true
}

// run runs the task in a worker. It leaves the outcome in o also if f ends the goroutine.
func (t *Task[A, R]) run(ctx context.Context, arg []byte, o *outcome) {
	o.kind, o.data = isUnencodable, append(o.data[:0], "runtime.Goexit was called"...) // if a codec does
	a, err := t.arg.decode(arg)
	if err != nil {
		o.data = fmt.Appendf(o.data[:0], "argument of type %T: %v", a, err)
		return
	}
	r, ok := t.guarded(ctx, a, o)
	if !ok {
		return
	}
	b, err := t.result.append(o.data[:0], r)
	if err != nil {
		o.data = fmt.Appendf(o.data[:0], "result of type %T: %v", r, err)
		return
	}
	o.kind, o.data = isResult, b
}

// guarded calls f, and reports whether it has a result.
func (t *Task[A, R]) guarded(ctx context.Context, a A, o *outcome) (r R, ok bool) {
	returned := false
	defer func() {
		if returned {
			return
		}
		value := "runtime.Goexit was called"
		if v := recover(); v != nil {
			value = fmt.Sprint(v)
		}
		o.kind = isPanic
		o.data = appendPanic(o.data[:0], value, string(debug.Stack()))
	}()
	r, err := t.f(ctx, a)
	if err != nil {
		o.kind = isError
		o.data = appendError(o.data[:0], err) // its Error may panic
	}
	returned = true
	return r, err == nil
}
