package process_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"

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
		if want := fmt.Sprintf(`isthmus: process "a name", pid %d: exit status 1: %s`, p.PID(), text); e.Error() != want {
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

// A list is a writer that cannot be compared, and neither can what contains it.
type list []string

func (list) Write(p []byte) (int, error) { return len(p), nil }

// TestStderrNotComparable shows that writers may be of any type.
func TestStderrNotComparable(t *testing.T) {
	for _, w := range []io.Writer{list{}, struct{ io.Writer }{list{}}} {
		wait(t, start(t, exits, 0, &process.Options{Command: func(c *exec.Cmd) { c.Stdout, c.Stderr = w, w }}))
	}
}

// TestStderrFails shows that a writer that fails keeps nobody from printing.
func TestStderrFails(t *testing.T) {
	e := exit(t, start(t, prints, 2000, &process.Options{Command: func(c *exec.Cmd) { c.Stdout, c.Stderr = nil, failure{} }}))
	if e.State.ExitCode() != 5 || !strings.HasSuffix(e.Stderr, "line 1999\n") {
		t.Errorf("the process ended as %v, with the tail %q", e, e.Stderr)
	}
}
