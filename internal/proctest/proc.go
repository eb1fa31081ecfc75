package proctest

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Options change how a helper is started. A nil *Options means the defaults.
type Options struct {
	// ExtraFiles are inherited by the helper; see [Child.File]. They are not
	// supported on Windows.
	ExtraFiles []*os.File

	// Env is added to the environment, in the form "key=value".
	Env []string

	// Binary is run instead of this one. It must have the helper too.
	Binary string

	// CPUs are the processors that the helper may run on, as indexes into
	// those that the test may run on, modulo their number. Empty means all.
	// It has an effect on Linux only.
	CPUs []int

	// Attributes changes how the process is started: as another user, in other
	// namespaces. It is called where processes have such attributes. On Linux
	// the helper then need not have access to the test binary's path.
	Attributes func(*syscall.SysProcAttr)

	under []string // the command that the helper's is given to, and its flags
}

// A Proc is the test's side of a helper's process. Its methods must be called
// from the goroutine that runs the test, and fail the test at once if the helper
// does not behave. Each Proc must be ended by one of Wait, Exit and Kill.
type Proc struct {
	t      testing.TB
	name   string
	cmd    *exec.Cmd
	in, rd *os.File // our ends of the helper's standard input and output
	stderr buffer
	lines  chan string   // closed at the end of the helper's output
	quit   chan struct{} // closed when nobody will receive lines any more
	done   chan struct{} // closed when the process is reaped
	ended  bool          // by Wait, Exit or Kill
	killed bool
}

// Start runs the helper called name in a process of its own.
func Start(t testing.TB, name string, args ...string) *Proc {
	t.Helper()
	return StartWith(t, nil, name, args...)
}

// StartWith is [Start] with options.
func StartWith(t testing.TB, opts *Options, name string, args ...string) *Proc {
	t.Helper()
	if !use(name) {
		t.Fatalf("proctest: no helper %q is registered", name)
	}
	if opts == nil {
		opts = &Options{}
	}
	p := &Proc{
		t:     t,
		name:  name,
		lines: make(chan string),
		quit:  make(chan struct{}),
		done:  make(chan struct{}),
	}
	if err := p.start(opts, args); err != nil {
		t.Fatalf("proctest: start helper %q: %v", name, err)
	}
	go p.read()
	go func() {
		p.cmd.Wait() // the state is judged by those who wait for done
		close(p.done)
	}()
	t.Cleanup(p.cleanup)
	return p
}

func (p *Proc) start(opts *Options, args []string) error {
	exe, err := executable(opts.Attributes != nil)
	if err != nil {
		return err
	}
	stdin, in, err := os.Pipe()
	if err != nil {
		return err
	}
	defer stdin.Close()
	rd, stdout, err := os.Pipe()
	if err != nil {
		in.Close()
		return err
	}
	defer stdout.Close()

	if opts.Binary != "" {
		exe = opts.Binary
	}
	p.in, p.rd = in, rd
	for range tries {
		p.command(opts, exe, args)
		p.cmd.Stdin, p.cmd.Stdout, p.cmd.Stderr = stdin, stdout, &p.stderr
		if err = pinned(opts.CPUs, p.cmd.Start); !notBegun(err) {
			break
		}
	}
	if err != nil {
		in.Close()
		rd.Close()
	}
	return err
}

// tries is how often a process may be given up before it has begun.
const tries = 3

func (p *Proc) command(opts *Options, exe string, args []string) {
	command := slices.Concat(opts.under, []string{exe}, args)
	p.cmd = exec.Command(command[0], command[1:]...)
	p.cmd.Env = append(os.Environ(), opts.Env...)
	p.cmd.Env = append(p.cmd.Env, envHelper+"="+p.name)
	p.cmd.ExtraFiles = opts.ExtraFiles
	if p.cmd.SysProcAttr = attributes(); p.cmd.SysProcAttr != nil && opts.Attributes != nil {
		opts.Attributes(p.cmd.SysProcAttr)
	}
	p.cmd.WaitDelay = 10 * time.Second // a process the helper left behind may hold stderr
}

// executable returns the path of the test binary, in a form that even those can
// execute who cannot reach its directory, if there is one and strange is set.
func executable(strange bool) (string, error) {
	if strange && runtime.GOOS == "linux" {
		return "/proc/self/exe", nil
	}
	return os.Executable()
}

func (p *Proc) read() {
	defer close(p.lines)
	out := bufio.NewReader(p.rd)
	for {
		line, err := out.ReadString('\n')
		if err != nil {
			return
		}
		select {
		case p.lines <- strings.TrimSuffix(line, "\n"):
		case <-p.quit:
			return
		}
	}
}

// Pid returns the process id.
func (p *Proc) Pid() int { return p.cmd.Process.Pid }

// Stderr returns what the helper has printed so far.
func (p *Proc) Stderr() string { return p.stderr.String() }

// Send sends one line, made from its operands as by fmt.Sprintln, to the helper.
func (p *Proc) Send(operands ...any) {
	p.t.Helper()
	line, err := makeLine(operands)
	if err != nil {
		p.t.Fatalf("proctest: send to helper %q: %v", p.name, err)
	}
	p.in.SetWriteDeadline(time.Now().Add(Timeout()))
	if _, err := p.in.WriteString(line); err != nil {
		if os.IsTimeout(err) {
			p.hung("did not receive %q", line)
		}
		p.gone("before it received %q", line)
	}
}

// Recv returns the next line from the helper.
func (p *Proc) Recv() string {
	p.t.Helper()
	return p.recv("a line")
}

// Expect receives a line; the test fails if it differs from the operands, joined
// as by fmt.Sprintln.
func (p *Proc) Expect(operands ...any) {
	p.t.Helper()
	want := joined(operands)
	if got := p.recv(fmt.Sprintf("%q", want)); got != want {
		p.t.Fatalf("proctest: helper %q sent %q, expected %q%s", p.name, got, want, p.printed())
	}
}

func (p *Proc) recv(what string) string {
	p.t.Helper()
	watchdog := time.NewTimer(Timeout())
	defer watchdog.Stop()
	select {
	case line, ok := <-p.lines:
		if !ok {
			p.gone("before it sent %s", what)
		}
		return line
	case <-watchdog.C:
		p.hung("did not send %s", what)
	}
	return ""
}

// buffer is a bytes.Buffer for a writer and readers in several goroutines.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}
