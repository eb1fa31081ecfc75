//go:build amd64 || arm64

package killtest

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

// A Tracer is a thread that traces one process at a time. Its methods, and those
// of its processes, may be called from any goroutine, by one at a time.
type Tracer struct {
	calls chan func()
	text  map[uint64]kind // instructions of the program, all processes being of one
	over  bool            // routines are one step each
	live  *Process
}

// NewTracer makes a tracer. It and its processes run on the given processor, an
// index into those that this process may use, modulo their number: changing from
// one to the other is then quicker than across processors.
func NewTracer(cpu int) (*Tracer, error) {
	if err := canStep(); err != nil {
		return nil, err
	}
	t := &Tracer{calls: make(chan func()), text: map[uint64]kind{}}
	go func() {
		runtime.LockOSThread() // for good: the thread ends with the goroutine
		pin(cpu)
		for call := range t.calls {
			call()
		}
	}()
	return t, nil
}

// StepOver has Step take what the Go runtime does for a process alone, such as an
// allocation, as one instruction.
func (t *Tracer) StepOver() { t.over = true }

// Close ends the tracer, and the process if it has one.
func (t *Tracer) Close() {
	if t.live != nil {
		t.live.Kill()
	}
	close(t.calls)
}

// do calls f in the tracing thread.
func (t *Tracer) do(f func() error) (err error) {
	done := make(chan struct{})
	t.calls <- func() { err = f(); close(done) }
	<-done
	return err
}

// pin keeps the thread on one processor, and gives the processes it starts the
// same addresses each time. Both are for the sake of speed and repeatability.
func pin(cpu int) {
	var all, one unix.CPUSet
	if unix.SchedGetaffinity(0, &all) == nil && all.Count() > 0 {
		n := cpu % all.Count()
		for i := 0; ; i++ {
			if all.IsSet(i) {
				if n == 0 {
					one.Set(i)
					break
				}
				n--
			}
		}
		unix.SchedSetaffinity(0, &one)
	}
	const addrNoRandomize = 0x0040000
	unix.Syscall(unix.SYS_PERSONALITY, addrNoRandomize, 0, 0)
}

// A Process is a traced process.
type Process struct {
	tracer *Tracer
	pid    int
	others map[int]bool // its other threads, and whether each stands still
	frozen bool         // the others are to stand still

	state    State
	last     uint64 // address of the latest instruction stepped
	lastKind kind
	request  int  // how the main thread was set going last
	before   bool // it stands before a marker, and has not run into it
	stop     breakpoint
	end      unix.WaitStatus
	ended    bool
}

// State is where a process stands.
type State int

const (
	Running  State = iota // none of these
	Stopped               // between two instructions, or at a system call
	Asleep                // in a system call that waits for other processes
	AtMark                // at a call of Mark
	Finished              // it has ended
)

// ErrRefused is wrapped by the error of Start where processes cannot be traced.
var ErrRefused = errors.New("tracing is refused")

// Start starts a program with its standard input and output. It returns at its
// first instruction.
func (t *Tracer) Start(path string, args, env []string, in, out *os.File) (p *Process, err error) {
	err = t.do(func() error {
		p, err = t.start(path, args, &syscall.ProcAttr{
			Env:   env,
			Files: []uintptr{in.Fd(), out.Fd(), out.Fd()},
			Sys:   &syscall.SysProcAttr{Ptrace: true, Setpgid: true},
		})
		return err
	})
	t.live = p
	return p, err
}

func (t *Tracer) start(path string, args []string, attr *syscall.ProcAttr) (*Process, error) {
	pid, err := syscall.ForkExec(path, append([]string{path}, args...), attr)
	if errors.Is(err, unix.EPERM) || errors.Is(err, unix.ENOSYS) {
		return nil, fmt.Errorf("start a traced process: %w: %w", err, ErrRefused)
	}
	if err != nil {
		return nil, err
	}
	p := &Process{tracer: t, pid: pid, others: map[int]bool{}, state: Stopped}
	const options = unix.PTRACE_O_EXITKILL | unix.PTRACE_O_TRACECLONE | unix.PTRACE_O_TRACESYSGOOD
	var status unix.WaitStatus
	_, err = wait4(pid, &status, unix.WALL)
	if err == nil && status.Stopped() {
		err = unix.PtraceSetOptions(pid, options)
	}
	if err != nil {
		unix.Kill(pid, unix.SIGKILL)
		wait4(pid, nil, unix.WALL)
		return nil, fmt.Errorf("trace: %w: %w", err, ErrRefused)
	}
	if !status.Stopped() {
		return nil, fmt.Errorf("process ended at once (%#x): %w", status, ErrRefused)
	}
	return p, nil
}

func wait4(pid int, status *unix.WaitStatus, options int) (int, error) {
	for {
		got, err := unix.Wait4(pid, status, options, nil)
		if err != unix.EINTR {
			return got, err
		}
	}
}
