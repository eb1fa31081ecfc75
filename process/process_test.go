package process_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/process"
)

var returns = process.Register("returns", func(_ context.Context, text string) error {
	if text == "" {
		return nil
	}
	return errors.New(text)
})

func TestReturn(t *testing.T) {
	p := start(t, returns, "", nil)
	if err := wait(t, p); err != nil {
		t.Errorf("nil was returned, and the error is %v", err)
	}
	large := strings.Repeat("long ", 1<<16)
	for _, text := range []string{"a short text", large} {
		p := start(t, returns, text, &process.Options{Name: "a name"})
		e := exit(t, p)
		if e.Err != text || e.State.ExitCode() != 1 || e.Name != "a name" {
			t.Errorf("%.80v with status %v, expected the error and status 1", e, e.State)
		}
		if want := fmt.Sprintf(`process "a name", pid %d: exit status 1: %s`, p.PID(), text); e.Error() != want {
			t.Errorf("error is %.80q, expected %.80q", e, want)
		}
	}
}

var exits = process.Register("exits", func(_ context.Context, status int) error {
	os.Exit(status)
	return nil
})

func TestExit(t *testing.T) {
	if err := wait(t, start(t, exits, 0, nil)); err != nil {
		t.Errorf("exit with status 0 is %v", err)
	}
	if e := exit(t, start(t, exits, 77, nil)); e.State.ExitCode() != 77 || e.Err != "" {
		t.Errorf("exit with status 77 is %v", e)
	}
}

var wraps = process.Register("wraps", func(_ context.Context, deadline bool) error {
	if deadline {
		return fmt.Errorf("work: %w", context.DeadlineExceeded)
	}
	return fmt.Errorf("work: %w", context.Canceled)
})

// TestCauses shows that an error still is one of a context.
func TestCauses(t *testing.T) {
	for deadline, want := range map[bool]error{false: context.Canceled, true: context.DeadlineExceeded} {
		err := wait(t, start(t, wraps, deadline, nil))
		for _, target := range []error{context.Canceled, context.DeadlineExceeded} {
			if errors.Is(err, target) != (target == want) {
				t.Errorf("error is %v: %v, expected %v", target, target != want, want)
			}
		}
	}
}

var panics = process.Register("panics", func(context.Context, struct{}) error { return boom() })

//go:noinline
func boom() error { panic("a panic in the process") }

func TestPanic(t *testing.T) {
	var passed strings.Builder
	e := exit(t, start(t, panics, struct{}{}, &process.Options{Command: func(c *exec.Cmd) { c.Stderr = &passed }}))
	if e.State.ExitCode() != 2 || e.Err != "" {
		t.Errorf("a panic ends as %v", e)
	}
	for _, want := range []string{"panic: a panic in the process", "process_test.boom("} {
		if !strings.Contains(e.Stderr, want) || !strings.Contains(passed.String(), want) {
			t.Errorf("neither of these may lack %q:\n%s\n%s", want, e.Stderr, &passed)
		}
	}
}

var ends = process.Register("ends its goroutine", func(context.Context, struct{}) error {
	runtime.Goexit()
	return nil
})

func TestGoexit(t *testing.T) {
	e := exit(t, start(t, ends, struct{}{}, nil))
	if e.State.ExitCode() != 1 || !strings.Contains(e.Err, "Goexit") {
		t.Errorf("Goexit ends as %v", e)
	}
}

var prints = process.Register("prints", func(_ context.Context, lines int) error {
	fmt.Println("on standard output")
	for i := range lines {
		fmt.Fprintln(os.Stderr, "line", i)
	}
	os.Exit(5)
	return nil
})

// TestStderr shows that the end of what is printed is in the error, and all of it passed on.
func TestStderr(t *testing.T) {
	const lines = 2000
	var want strings.Builder
	for i := range lines {
		fmt.Fprintln(&want, "line", i)
	}
	var out, all strings.Builder
	e := exit(t, start(t, prints, lines, &process.Options{Command: func(c *exec.Cmd) { c.Stdout, c.Stderr = &out, &all }}))
	if all.String() != want.String() {
		t.Errorf("%d bytes were passed on, expected %d", all.Len(), want.Len())
	}
	if end := want.String()[want.Len()-4096:]; e.Stderr != end {
		t.Errorf("the tail is %q, expected %q", e.Stderr, end)
	}
	if out.String() != "on standard output\n" {
		t.Errorf("standard output is %q", &out)
	}

	var both strings.Builder // which is no writer for two goroutines
	exit(t, start(t, prints, lines, &process.Options{Command: func(c *exec.Cmd) { c.Stdout, c.Stderr = &both, &both }}))
	if both.String() != "on standard output\n"+want.String() {
		t.Errorf("%d bytes were printed to both, expected %d", both.Len(), want.Len())
	}
}

// A failure is a writer that cannot write.
type failure struct{}

func (failure) Write([]byte) (int, error) { return 0, errors.New("the disk is full") }

// TestStderrFails shows that a writer that fails keeps nobody from printing.
func TestStderrFails(t *testing.T) {
	e := exit(t, start(t, prints, 2000, &process.Options{Command: func(c *exec.Cmd) { c.Stdout, c.Stderr = nil, failure{} }}))
	if e.State.ExitCode() != 5 || !strings.HasSuffix(e.Stderr, "line 1999\n") {
		t.Errorf("the process ended as %v, with the tail %q", e, e.Stderr)
	}
}

type order struct {
	Name  string
	Parts map[string][]float64
	Next  *order
	Any   any
}

var echoes = process.Register("echoes", func(_ context.Context, o order) error {
	return fmt.Errorf("%v %v %v %v", o.Name, o.Parts, o.Next.Name, o.Any)
})

var empty = process.Register("any", func(_ context.Context, x any) error { return fmt.Errorf("%T %v", x, x) })

func TestArgument(t *testing.T) {
	o := order{"first", map[string][]float64{"a": {1, 2.5}}, &order{Name: "second"}, 7}
	if e := exit(t, start(t, echoes, o, nil)); e.Err != "first map[a:[1 2.5]] second 7" {
		t.Errorf("the argument came as %q", e.Err)
	}
	if e := exit(t, start(t, empty, any("text"), nil)); e.Err != "string text" {
		t.Errorf("the argument came as %q", e.Err)
	}
}

var hashes = process.Register("hashes", func(_ context.Context, b []byte) error {
	sum := sha256.Sum256(b)
	return errors.New(hex.EncodeToString(sum[:]))
})

// TestLargeArgument shows that an argument may be larger than a pipe.
func TestLargeArgument(t *testing.T) {
	b := make([]byte, 10<<20)
	for i := range b {
		b[i] = byte(i * i >> 8)
	}
	sum := sha256.Sum256(b)
	p := start(t, hashes, b, nil)
	clear(b) // it is the caller's again
	if e := exit(t, p); e.Err != hex.EncodeToString(sum[:]) {
		t.Errorf("another argument has arrived: %v", e)
	}
}

var (
	takesChan    = process.Register("takes a channel", func(context.Context, chan int) error { return nil })
	takesFunc    = process.Register("takes a field", func(context.Context, struct{ F func() }) error { return nil })
	takesPointer = process.Register("takes a pointer", func(context.Context, *int) error { return nil })
	takesHidden  = process.Register("takes hidden fields", func(context.Context, struct{ x int }) error { return nil })
)

// TestNotEncodable shows that nothing is started for an argument that cannot be passed.
func TestNotEncodable(t *testing.T) {
	opts := notStarted(t)
	_, err1 := process.Start(t.Context(), takesChan, make(chan int), opts)
	_, err2 := process.Start(t.Context(), takesFunc, struct{ F func() }{}, opts)
	_, err3 := process.Start(t.Context(), takesPointer, nil, opts)
	_, err4 := process.Start(t.Context(), takesHidden, struct{ x int }{1}, opts)
	_, err5 := process.Start(t.Context(), empty, any(secret{1}), opts)
	for i, err := range []error{err1, err2, err3, err4, err5} {
		if err == nil || !strings.Contains(err.Error(), "argument: gob") {
			t.Errorf("error %d is %v", i+1, err)
		}
	}
}

type secret struct{ X int }

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
	if _, err := process.Start(nil, exits, 0, opts); !errors.Is(err, fs.ErrInvalid) { //lint:ignore SA1012 is tested
		t.Errorf("the context is nil, and the error is %v", err)
	}
	if _, err := process.Start[int](t.Context(), nil, 0, opts); !errors.Is(err, fs.ErrInvalid) {
		t.Errorf("the function is nil, and the error is %v", err)
	}
	missing := &process.Options{Command: func(c *exec.Cmd) { c.Path = filepath.Join(t.TempDir(), "missing") }}
	if _, err := process.Start(t.Context(), exits, 0, missing); !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, exec.ErrNotFound) {
		t.Errorf("the program is missing, and the error is %v", err)
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

// early starts a process before it calls Main.
var _ = proctest.Register("without Main", func(c *proctest.Child) {
	_, err := process.Start(context.Background(), exits, 0, nil)
	if !errors.Is(err, process.ErrNoMain) {
		c.Fatalf("error is %v", err)
	}
})

func TestNoMain(t *testing.T) {
	proctest.StartWith(t, &proctest.Options{Env: []string{envNoMain + "=1"}}, "without Main").Wait()
}
