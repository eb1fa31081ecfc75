package process

import (
	"context"
	"fmt"
	"sync"
)

// Function is a function that a process can be started with. [Register] makes it.
type Function[A any] struct {
	name string
	f    func(ctx context.Context, arg A) error
	arg  codec[A]
}

// Register makes f the function called name. Call it for a package-level variable: the
// function must be registered under the same name in the new process before it calls [Main].
// Register panics if the name is empty or taken, or if f is nil.
//
// The argument may be of any type that encoding/gob takes, and of any other that has neither pointers
// nor what contains them. If it contains interfaces, register their types with gob.Register. A type of
// which gob would leave fields out, since they are not exported, is refused by [Start].
func Register[A any](name string, f func(ctx context.Context, arg A) error) *Function[A] {
	if name == "" || f == nil {
		panic("process: Register without a name or a function")
	}
	fn := &Function[A]{name, f, codecOf[A]()}
	functions.Lock()
	defer functions.Unlock()
	if functions.byName[name] != nil {
		panic(fmt.Sprintf("process: function %q is registered twice", name))
	}
	functions.byName[name] = fn
	return fn
}

// Name returns the name of the function.
func (f *Function[A]) Name() string { return f.name }

// callable is a *Function of any type.
type callable interface {
	// bind decodes the argument, and returns the call.
	bind(arg []byte) (func(context.Context) error, error)
}

var functions = struct {
	sync.Mutex
	byName map[string]callable
}{byName: map[string]callable{}}

func lookup(name string) callable {
	functions.Lock()
	defer functions.Unlock()
	return functions.byName[name]
}

func (f *Function[A]) bind(b []byte) (func(context.Context) error, error) {
	arg, err := f.arg.decode(b)
	if err != nil {
		return nil, fmt.Errorf("argument: %w: %w", ErrEncoding, err)
	}
	return func(ctx context.Context) error { return f.f(ctx, arg) }, nil
}

// encode is what bind decodes.
func (f *Function[A]) encode(arg A) ([]byte, error) {
	b, err := f.arg.append(nil, arg)
	if err != nil {
		return nil, fmt.Errorf("argument of type %T: %w: %w", arg, ErrEncoding, err)
	}
	return b, nil
}
