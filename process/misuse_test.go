package process_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/process"
)

// notStarted returns options for a process that must not be started.
func notStarted(t *testing.T) *process.Options {
	return &process.Options{Command: func(*exec.Cmd) { t.Error("a process is started") }}
}

func TestMisuse(t *testing.T) {
	opts := notStarted(t)
	gone, cancel := context.WithCancelCause(context.Background())
	reason := errors.New("a reason")
	cancel(reason)
	if _, err := process.Start(gone, exits, 0, opts); !errors.Is(err, reason) {
		t.Errorf("the context is done, and the error is %v", err)
	}
	var none context.Context
	if _, err := process.Start(none, exits, 0, opts); !errors.Is(err, fs.ErrInvalid) {
		t.Errorf("the context is nil, and the error is %v", err)
	}
	if _, err := process.Start[int](t.Context(), nil, 0, opts); !errors.Is(err, fs.ErrInvalid) {
		t.Errorf("the function is nil, and the error is %v", err)
	}
	missing := &process.Options{Command: func(c *exec.Cmd) { c.Path = filepath.Join(t.TempDir(), "missing") }}
	if _, err := process.Start(t.Context(), exits, 0, missing); !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, exec.ErrNotFound) {
		t.Errorf("the program is missing, and the error is %v", err)
	}
	null := &process.Options{Command: func(c *exec.Cmd) { c.Env = append(c.Env, "A=\x00") }}
	if _, err := process.Start(t.Context(), exits, 0, null); err == nil {
		t.Error("a variable has a NUL, and there is no error")
	}
	if _, err := process.Segment(0, nil); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Segment in a process that was not started returns %v", err)
	}
	for _, register := range []func(){
		func() { process.Register("exits", func(context.Context, int) error { return nil }) },
		func() { process.Register("", func(context.Context, int) error { return nil }) },
		func() { process.Register[int]("nil", nil) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Error("misuse of Register does not panic")
				}
			}()
			register()
		}()
	}
}

var stranger = sync.OnceValue(func() *process.Function[[]byte] {
	return process.Register("registered late", func(context.Context, []byte) error { return nil })
})

// TestUnknownFunction starts a function that the new process does not register.
func TestUnknownFunction(t *testing.T) {
	e := exit(t, start(t, stranger(), make([]byte, 1<<20), nil))
	if e.State.ExitCode() != 1 || e.Err != `function "registered late" is not registered in the new process` {
		t.Errorf("the process ended as %v", e)
	}
}

// It starts a process before it calls Main.
var _ = proctest.Register("without Main", func(c *proctest.Child) {
	_, err := process.Start(context.Background(), exits, 0, nil)
	if !errors.Is(err, process.ErrNoMain) {
		c.Fatalf("error is %v", err)
	}
})

// TestNoMain shows that a function is not taken to have returned if it was not called.
func TestNoMain(t *testing.T) {
	t.Setenv(envExit, "1")
	if err := wait(t, start(t, exits, 0, nil)); !errors.Is(err, process.ErrNoMain) {
		t.Errorf("the process ended before Main, and the error is %v", err)
	}
	os.Unsetenv(envExit)

	proctest.StartWith(t, &proctest.Options{Env: []string{envNoMain + "=1"}}, "without Main").Wait()
}
