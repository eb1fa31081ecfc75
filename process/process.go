package process

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"time"
)

// Process is a process that [Start] has started. Several goroutines may call its methods at
// the same time.
type Process struct {
	name, function string
	grace          time.Duration
	cmd            *exec.Cmd
	group          *group // nil without Options.Group
	stderr         *tail

	stop chan struct{} // closed by the first Terminate
	fed  chan struct{} // closed when feed has returned

	mu     sync.Mutex
	ended  bool
	killer *time.Timer // from the first Terminate on

	over chan struct{} // closed with ended
	done chan struct{} // closed when err is set and all is freed
	err  error
}

func newProcess(opts *Options, l *launch) *Process {
	p := &Process{
		name:     opts.Name,
		function: l.Function,
		grace:    opts.Grace,
		stop:     make(chan struct{}),
		fed:      make(chan struct{}),
		over:     make(chan struct{}),
		done:     make(chan struct{}),
	}
	if p.name == "" {
		p.name = l.Function
	}
	if p.grace == 0 {
		p.grace = defaultGrace
	}
	if l.Group {
		p.group = newGroup(l.Daemon)
	}
	return p
}

// feed writes the launch, which may be larger than a pipe, and then what Terminate
// wants to be written. An error means that the process has ended, or will read nothing more.
func (p *Process) feed(in io.Writer, frame []byte) {
	defer close(p.fed)
	in.Write(frame)
	select {
	case <-p.stop:
		in.Write([]byte{terminate})
	case <-p.over:
	}
}

// reap waits for the end, and frees everything.
func (p *Process) reap(in, report *os.File, stop func() bool) {
	var text string
	var causes byte
	reported := make(chan struct{})
	go func() {
		defer close(reported)
		text, causes = readReport(report)
	}()

	if p.group != nil && p.group.awaitEnd(p.cmd.Process) {
		p.end()
	}
	err := p.cmd.Wait()
	p.end()
	stop()
	in.Close()
	<-p.fed
	late := time.AfterFunc(waitDelay, func() { report.Close() })
	<-reported
	late.Stop()
	report.Close()

	if state := p.cmd.ProcessState; state == nil {
		p.err = fmt.Errorf("process %q, pid %d: %w", p.name, p.PID(), err)
	} else if !state.Success() {
		p.err = &ExitError{p.name, p.PID(), state, p.stderr.String(), text, causes}
	}
	close(p.done)
}

// end kills what is left of the group, and keeps everyone from killing from now on.
func (p *Process) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ended {
		return
	}
	p.ended = true
	close(p.over)
	if p.killer != nil {
		p.killer.Stop()
	}
	if p.group != nil {
		p.group.kill()
		p.group.close()
	}
}

// Wait waits until the process has ended. It returns nil if it has ended with status 0: the
// function has returned nil, or has called os.Exit(0). Otherwise the error is an
// [*ExitError]. Any number of goroutines may call Wait, at any time.
func (p *Process) Wait() error {
	<-p.done
	return p.err
}

// Done returns a channel that is closed when the process has ended: Wait does not wait then.
func (p *Process) Done() <-chan struct{} { return p.done }

// Alive reports whether the process has not ended yet.
func (p *Process) Alive() bool {
	select {
	case <-p.done:
		return false
	default:
		return true
	}
}

// PID returns the process id. After the end it may be another process's.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Name returns Options.Name, or the name of the function.
func (p *Process) Name() string { return p.name }

// Terminate asks the process to end: the context of the function is canceled. If the process has
// not ended Options.Grace after the first Terminate, it is killed as by Kill. Terminate
// does not wait. If the process has ended before, it returns os.ErrProcessDone.
func (p *Process) Terminate() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ended {
		return os.ErrProcessDone
	}
	if p.killer == nil {
		close(p.stop)
		p.killer = time.AfterFunc(p.grace, func() { p.Kill() })
	}
	return nil
}

// Kill ends the process, and its group if it has one, at once: by SIGKILL, on Windows by
// TerminateProcess. It does not wait for that. If the process has ended before, it
// returns os.ErrProcessDone.
func (p *Process) Kill() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ended {
		return os.ErrProcessDone
	}
	if p.group != nil {
		p.group.kill()
	}
	return p.cmd.Process.Kill()
}

// String describes the process.
func (p *Process) String() string {
	state := "running"
	if !p.Alive() {
		state = "ended"
		if s := p.cmd.ProcessState; s != nil {
			state = s.String()
		}
	}
	return fmt.Sprintf("process %q, pid %d: %s", p.name, p.PID(), state)
}
