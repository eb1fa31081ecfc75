package process_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/process"
)

// TestProcess is CPython's test_process: what a process knows of itself.
func TestProcess(t *testing.T) {
	s := newStage(t)
	p := start(t, waits, struct{}{}, s.opts())
	if !p.Alive() || p.Name() != "waits" || p.PID() == os.Getpid() {
		t.Errorf("new process: %v", p)
	}
	proctest.Check(t, s.reach("waits"))
	if want := fmt.Sprintf("process \"waits\", pid %d: running", p.PID()); p.String() != want {
		t.Errorf("it is %q, expected %q", p, want)
	}
	proctest.Check(t, p.Terminate())
	proctest.Check(t, ended(p.Terminate()))
	if err := wait(t, p); !errors.Is(err, context.Canceled) {
		t.Errorf("the error is %v", err)
	}
	if want := fmt.Sprintf("process \"waits\", pid %d: exit status 1", p.PID()); p.Alive() || p.String() != want {
		t.Errorf("it is alive: %v, and %q, expected %q", p.Alive(), p, want)
	}
	for _, err := range []error{p.Kill(), p.Terminate()} {
		if !errors.Is(err, os.ErrProcessDone) {
			t.Errorf("error after the end is %v", err)
		}
	}
}

// ended leaves out that a process has ended.
func ended(err error) error {
	if errors.Is(err, os.ErrProcessDone) {
		return nil
	}
	return err
}

func TestKill(t *testing.T) {
	for _, group := range []bool{false, true} {
		s := newStage(t)
		opts := s.opts()
		opts.Group = group
		p := start(t, deaf, struct{}{}, opts)
		proctest.Check(t, s.reach("waits"))
		proctest.Check(t, p.Kill())
		if e := exit(t, p); !killed(e.State) || e.Err != "" {
			t.Errorf("group %v: a killed process has ended as %v", group, e)
		}
	}
}

// killed reports whether a process was killed; only Unix knows.
func killed(s *os.ProcessState) bool {
	return runtime.GOOS == "windows" && s.ExitCode() == 1 || s.String() == "signal: killed"
}

// TestTerminate shows that who does not hear is killed.
func TestTerminate(t *testing.T) {
	s := newStage(t)
	opts := s.opts()
	opts.Grace = -1
	p := start(t, deaf, struct{}{}, opts)
	proctest.Check(t, s.reach("waits"))
	proctest.Check(t, p.Terminate())
	if e := exit(t, p); !killed(e.State) {
		t.Errorf("a process without grace has ended as %v", e)
	}
}

// TestContext shows that the end of the context is that of the child's, and then of the child.
func TestContext(t *testing.T) {
	s := newStage(t)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	opts := s.opts()
	opts.Grace = 20 * 1e6
	p := proctest.Must(process.Start(ctx, deaf, struct{}{}, opts))(t)
	proctest.Check(t, s.reach("waits"))
	cancel()
	if e := exit(t, p); !killed(e.State) {
		t.Errorf("the process has ended as %v", e)
	}

	s.set("waits")
	ctx, cancel = context.WithCancel(context.Background())
	defer cancel()
	p = proctest.Must(process.Start(ctx, waits, struct{}{}, s.opts()))(t)
	cancel() // perhaps before it calls the function
	if err := wait(t, p); !errors.Is(err, context.Canceled) {
		t.Errorf("the error is %v", err)
	}
}

// TestHeard shows that the byte arrives, and not only the kill.
func TestHeard(t *testing.T) {
	s := newStage(t)
	p := start(t, deaf, struct{}{}, s.opts())
	proctest.Check(t, s.reach("waits"))
	proctest.Check(t, p.Terminate())
	proctest.Check(t, s.reach("heard"))
	if !p.Alive() {
		t.Error("it was killed before its grace was over")
	}
	proctest.Check(t, p.Kill())
	exit(t, p)
}

// TestMany is CPython's test_many_processes and test_lots_of_processes: many at once, started by
// as many goroutines, and waited for by several.
func TestMany(t *testing.T) {
	n := proctest.Scaled(20)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			text := fmt.Sprintf("process %d", i)
			p, err := process.Start(t.Context(), returns, text, &process.Options{Group: i%2 == 0, Daemon: i%4 < 2})
			if err != nil {
				t.Error(err)
				return
			}
			for range 3 {
				wg.Go(func() {
					var e *process.ExitError
					if err := p.Wait(); !errors.As(err, &e) || e.Err != text {
						t.Errorf("process %d ended as %v", i, err)
					}
				})
			}
		})
	}
	wg.Wait()
}

type node struct{ Path []int }

var recursive *process.Function[node]

func init() {
	recursive = process.Register("recursive", func(ctx context.Context, n node) error {
		if len(n.Path) == 2 {
			return fmt.Errorf("%v", n.Path)
		}
		var paths []string
		for i := range 2 {
			p, err := process.Start(ctx, recursive, node{append(slices.Clip(n.Path), i)}, nil)
			if err != nil {
				return err
			}
			var e *process.ExitError
			if !errors.As(p.Wait(), &e) {
				return errors.New("no error")
			}
			paths = append(paths, e.Err)
		}
		return errors.New(strings.Join(paths, " "))
	})
}

// TestRecursion is CPython's test_recursion.
func TestRecursion(t *testing.T) {
	e := exit(t, start(t, recursive, node{}, nil))
	if want := "[0 0] [0 1] [1 0] [1 1]"; e.Err != want {
		t.Errorf("the processes were %q, expected %q", e.Err, want)
	}
}

var looks = process.Register("looks around", func(_ context.Context, variables []string) error {
	dir, err := os.Getwd()
	if err != nil {
		return err
	}
	var values []string
	for _, v := range variables {
		values = append(values, v+"="+os.Getenv(v))
	}
	return fmt.Errorf("%s %q %q", filepath.Base(dir), os.Args[1:], values)
})

func TestCommand(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "place")
	proctest.Check(t, os.Mkdir(dir, 0o700))
	t.Setenv("INHERITED", "yes")
	e := exit(t, start(t, looks, []string{"INHERITED", "ADDED", "ISTHMUS_PROCESS"}, &process.Options{
		Command: func(c *exec.Cmd) {
			c.Dir = dir
			c.Env = append(c.Env, "ADDED=too")
			c.Args = append(c.Args, "an argument")
		},
	}))
	if want := `place ["an argument"] ["INHERITED=yes" "ADDED=too" "ISTHMUS_PROCESS="]`; e.Err != want {
		t.Errorf("the process sees %s, expected %s", e.Err, want)
	}
}

// A watched context tells whether somebody has called AfterFunc and not its stop.
type watched struct {
	context.Context
	pending atomic.Int32
}

func (c *watched) Value(any) any { return nil } // package context would not call AfterFunc

func (c *watched) AfterFunc(f func()) func() bool {
	c.pending.Add(1)
	stop := context.AfterFunc(c.Context, f)
	return func() bool {
		c.pending.Add(-1)
		return stop()
	}
}

// TestContextIsLeft shows that nothing of a process is left in a context that goes on.
func TestContextIsLeft(t *testing.T) {
	ctx := &watched{Context: t.Context()}
	p, err := process.Start(ctx, exits, 0, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := wait(t, p); err != nil || ctx.pending.Load() != 0 {
		t.Errorf("the process has ended as %v, and %d functions are left", err, ctx.pending.Load())
	}
}
