package process

import (
	"fmt"
	"os"
	"os/exec"
	"sync"
	"time"
)

// States of a process:
//
//	Launched   it exists, has not read all of its launch, and has run nothing of the function
//	Running    it has read all of the launch, and calls the function
//	Terminated the same, asked to end: a byte is on its way, and Kill follows after Grace
//	Ended      the kernel has ended it, and keeps its number until it is reaped
//	Over       nobody signals it, or its group, from now on
//	Done       it is reaped, all descriptors and goroutines of its own are gone, err is set
//
//	Launched → Running              by the child, at the last byte of the argument
//	Launched, Running → Terminated  by the parent, once
//	all of these → Ended            by anybody
//	Ended → Over → Done             by the parent's goroutine reap, once
//
// Invariants:
//
//  1. Only the parent has the writing end of the launch pipe.
//  2. A child calls the function only after it has read all of the launch.
//  3. The number of a process, or of its group, is used only while the process is not reaped.
//     With a group, Over comes before the reaping, by waitid(2) with WNOWAIT; on Windows,
//     a handle stands for the number. Without one, os.Process has a pidfd, or a lock.
//     (With a group on other Unix systems, Over comes right after the reaping.)
//  4. The group is killed at Over: its leader has ended, and starts nobody any more.
//  5. Nothing but the process itself, and readers and writers of Command that are no files,
//     holds up Done for longer than waitDelay, three times. What the process has printed and
//     reported before its end is read, however long that takes.
//
// Why the end of file of the launch pipe cannot be held up, while the parent is dead: the
// writing end was close-on-exec from its first moment, and is no file that a child inherits. So
// a process that the parent starts has it between fork and exec at most, where it goes on to
// exec even without its parent. (C code of the parent that forks and does not exec has a copy.)
// The reading end and that of the report are close-on-exec in the child before its main and the
// init functions of those who import this package: what the child starts has neither of them,
// nor the environment variable. It has standard error, for which reap does not wait long.
//
// There is no Pdeathsig. It fires at the end of the thread that started the child, and
// goroutines move between threads.
//
// What a death leaves at each step:
//
//   - The parent, before the child exists: nothing. The kernel closes the pipes.
//   - The parent, while the child is Launched: the child reads the end of file within
//     the launch, and ends (2).
//   - The parent, afterwards: a Daemon reads the end of file, and kills its group and itself. On
//     Windows, the kernel kills the group with the last handle of the Job Object.
//     Another one goes on; nobody reads its report, or kills its group at its end. What either
//     prints to standard error fails with EPIPE, and by no signal: a Daemon must not die of it
//     before it has killed its group.
//   - The parent, between Ended and Over: what is left of the group lives on. The kernel
//     reaps the child.
//   - The child, while it is Launched: feed gets EPIPE, or is released by Over. The function has
//     not run.
//   - The child, afterwards: reap sees it. Of a report, any beginning may be there.
//   - Both at once: the group of the child lives on, but not on Windows.
//
// A child that is stopped by a signal when its parent dies: as leader of a group it leads an
// orphaned group, which the kernel continues and hangs up. Otherwise it ends when it is
// continued.

// Process is a process that [Start] has started. Several goroutines may call its methods at
// the same time.
type Process struct {
	name   string
	grace  time.Duration
	cmd    *exec.Cmd
	group  *group // nil without Options.Group
	stderr *tail

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
		name:  opts.Name,
		grace: opts.Grace,
		stop:  make(chan struct{}),
		fed:   make(chan struct{}),
		over:  make(chan struct{}),
		done:  make(chan struct{}),
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
func (p *Process) feed(in *os.File, frame []byte) {
	defer close(p.fed)
	write(in, frame) // in may have the number of a standard output that was closed
	select {
	case <-p.stop:
		write(in, []byte{terminate})
	case <-p.over:
	}
}

// reap waits for the end, and frees everything.
func (p *Process) reap(in, reports *os.File, stop func() bool) {
	var got report
	reported := make(chan struct{})
	go func() {
		defer close(reported)
		got = readReport(reports)
	}()

	if p.group != nil && p.group.awaitEnd(p.cmd.Process) {
		p.end()
	}
	err := p.cmd.Wait()
	p.end()
	stop()
	in.Close()
	<-p.fed
	late := time.AfterFunc(waitDelay, func() {
		hurry(reports)
		p.stderr.cut()
	})
	<-reported
	p.stderr.finish()
	late.Stop()
	reports.Close()

	if state := p.cmd.ProcessState; state == nil {
		p.err = fmt.Errorf("isthmus: process %q, pid %d: %w", p.name, p.PID(), err)
	} else if !state.Success() {
		p.err = &ExitError{p.name, p.PID(), state, p.stderr.String(), got.text, got.causes}
	} else if !got.called {
		p.err = fmt.Errorf("isthmus: process %q, pid %d: %v: %w", p.name, p.PID(), state, ErrNoMain)
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
// [*ExitError]. It wraps [ErrNoMain] if the program has ended with status 0 before it called Main,
// and never called the function. Any number of goroutines may call Wait, at any time.
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
	if p.group != nil && p.group.kill() {
		return nil
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
