package process

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/isthmus-go/isthmus/shm"
)

// Options say how a process is started. A nil *Options and the zero value mean the
// defaults.
type Options struct {
	// Name is what errors call the process. "" means the name of the function.
	Name string

	// Daemon makes the process end when its parent has ended, in whatever way. It ends as if
	// by Kill.
	Daemon bool

	// Group gives the process a process group of its own (on Windows a Job Object). What it
	// starts belongs to the group, unless that leaves it. Kill kills the whole group. When the
	// process has ended, in whatever way, its parent kills the rest of the group. When a Daemon
	// ends with its parent, it kills its group.
	//
	// Without Group, the process belongs to the group of its parent: Ctrl-C, which
	// the terminal sends to a whole group, reaches it directly. With Group it reaches only the
	// parent, and the process is in the background of the terminal: to read from it stops the
	// process, and so does writing after "stty tostop".
	Group bool

	// Grace is the time from Terminate, or from the end of the context, to
	// Kill. 0 means 5 seconds. If it is negative, there is none.
	Grace time.Duration

	// Segments are opened by [Segment] in the process. They must stay open until Start has
	// returned.
	Segments []*shm.Segment

	// Command may change how the process is started: directory, environment, files, user. It is
	// called before. Its Path, Args and Env are set and its Stdout and Stderr are those of this
	// process. What is set as Stderr gets what the process prints; ExitError.Stderr is taken
	// from it on the way. (If Stdout is the same writer and no file, ExitError.Stderr has
	// both.) As with os/exec, Wait waits until a Stdin, Stdout or Stderr that is no file has
	// returned from its last Read or Write.
	Command func(*exec.Cmd)
}

const (
	defaultGrace = 5 * time.Second

	// waitDelay is how long others may hold up the end of what the process has printed, or of
	// the report.
	waitDelay = 250 * time.Millisecond
)

// Start starts a process that calls f with arg, and returns when it is there. The argument is
// encoded before: that it cannot be encoded is an error, and then no process was started.
//
// When ctx is done, the process is terminated as by [Process.Terminate].
//
// The process has this program's file and name but none of its arguments, its environment and
// directory, an empty standard input, and the same standard output. What it writes to its
// standard error is passed on to that of this process. On Linux it runs the program that this
// process runs, even if the file was replaced or removed. Files that Go has opened are not
// inherited.
//
// A write to a closed pipe does not end the process by SIGPIPE: it fails with EPIPE.
func Start[A any](ctx context.Context, f *Function[A], arg A, opts *Options) (*Process, error) {
	if f == nil {
		return nil, fmt.Errorf("isthmus: process: start: nil function: %w", fs.ErrInvalid)
	}
	if opts == nil {
		opts = &Options{}
	}
	l := &launch{Function: f.name, Daemon: opts.Daemon, Group: opts.Group}
	p, err := start(ctx, opts, l, func() ([]byte, error) { return f.encode(arg) })
	if err != nil {
		return nil, fmt.Errorf("isthmus: process: start %q: %w", f.name, err)
	}
	return p, nil
}

func start(ctx context.Context, opts *Options, l *launch, encode func() ([]byte, error)) (_ *Process, err error) {
	switch {
	case !supported:
		return nil, fmt.Errorf("no processes on this platform: %w", errors.ErrUnsupported)
	case !mainCalled.Load():
		return nil, ErrNoMain
	case ctx == nil:
		return nil, fmt.Errorf("nil context: %w", fs.ErrInvalid)
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	}
	refs, files, err := refer(opts.Segments)
	if err != nil {
		return nil, err
	}
	l.Segments = refs
	if l.Arg, err = encode(); err != nil {
		return nil, err
	}

	childIn, in, err := pipe()
	if err != nil {
		return nil, err
	}
	defer childIn.Close()
	report, childReport, err := pipe()
	if err != nil {
		in.Close()
		return nil, err
	}
	defer childReport.Close()
	started := false
	defer func() {
		if !started { // perhaps Command panics
			in.Close()
			report.Close()
		}
	}()

	p := newProcess(opts, l)
	if err := p.spawn(opts, append([]*os.File{childIn, childReport}, files...)); err != nil {
		return nil, err
	}
	started = true
	go p.stderr.copy()
	go p.feed(in, l.append(nil))
	stop := context.AfterFunc(ctx, func() { p.Terminate() })
	go p.reap(in, report, stop)
	return p, nil
}

// spawn starts the process, which inherits the files.
func (p *Process) spawn(opts *Options, files []*os.File) (err error) {
	path, err := executable()
	if err != nil {
		return err
	}
	p.cmd = &exec.Cmd{Path: path, Args: []string{path}, Env: os.Environ(), Stdout: os.Stdout, Stderr: os.Stderr}
	if len(os.Args) > 0 {
		p.cmd.Args[0] = os.Args[0]
	}
	if opts.Command != nil {
		opts.Command(p.cmd)
	}
	unshare(p.cmd)
	childStderr, err := p.catch()
	if err != nil {
		return err
	}
	defer func() {
		childStderr.Close()
		if err != nil {
			p.stderr.pipe.Close()
		}
	}()
	if p.cmd.WaitDelay == 0 {
		p.cmd.WaitDelay = waitDelay
	}
	numbers, err := bequeath(p.cmd, files)
	if err != nil {
		return err
	}
	env := p.cmd.Env
	if env == nil {
		env = p.cmd.Environ()
	}
	p.cmd.Env = append(slices.Clip(env), variable+"="+strings.Join(numbers, ","))
	if p.group != nil {
		p.group.prepare(p.cmd)
	}
	if err := p.cmd.Start(); err != nil {
		return err
	}
	if p.group != nil {
		if err := p.group.adopt(p.cmd.Process); err != nil {
			p.cmd.Process.Kill() // it has begun nothing: the launch is not written
			p.cmd.Wait()
			return err
		}
	}
	return nil
}

// unshare makes cmd's own what Command may have set for other processes too.
func unshare(cmd *exec.Cmd) {
	cmd.ExtraFiles = slices.Clip(cmd.ExtraFiles)
	if cmd.SysProcAttr != nil {
		own := *cmd.SysProcAttr
		cmd.SysProcAttr = &own
	}
}

// catch puts the tail before where standard error goes. It returns what the process inherits.
func (p *Process) catch() (*os.File, error) {
	r, w, err := pipe()
	if err != nil {
		return nil, err
	}
	p.stderr = &tail{pipe: r, next: p.cmd.Stderr, passed: make(chan struct{})}
	_, file := p.cmd.Stdout.(*os.File)
	if !file && p.cmd.Stdout != nil && equal(p.cmd.Stdout, p.cmd.Stderr) {
		p.cmd.Stdout = w // one pipe for both, as without us
	}
	p.cmd.Stderr = w
	return w, nil
}

// equal is a == b, where the values may be of a type that has no ==, or contain one of it.
func equal(a, b any) bool {
	return reflect.TypeOf(a) == reflect.TypeOf(b) && reflect.ValueOf(a).Comparable() && a == b
}

// decimal returns a number as the environment variable has them.
func decimal(n uintptr) string { return strconv.FormatUint(uint64(n), 10) }
