//go:build amd64 || arm64

package killtest

import (
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// patience is how long a process may take for anything.
const patience = 3 * time.Minute

// Pid returns the process id.
func (p *Process) Pid() int { return p.pid }

// At reports whether it stands before the instruction at pc.
func (p *Process) At(pc uint64) (at bool, err error) {
	err = p.tracer.do(func() error {
		now, err := programCounter(p.pid)
		at = now == pc
		return err
	})
	return at, err
}

// Marked reports whether it stands at a mark.
func (p *Process) Marked() bool { return p.state == AtMark }

// End says how the process ended.
func (p *Process) End() string {
	switch {
	case !p.ended:
		return "it has not ended"
	case p.end.Signaled():
		return fmt.Sprintf("it was killed by %v", p.end.Signal())
	}
	return fmt.Sprintf("it exited with status %d", p.end.ExitStatus())
}

// Continue lets the whole process run until it calls Mark, ends, or the time is
// over, and returns AtMark, Finished or, after that time, Running or Asleep. At
// a mark all threads stand still, so that the runtime finds nothing to do there.
func (p *Process) Continue(limit time.Duration) (State, error) {
	err := p.tracer.do(func() error {
		if err := p.freeze(false); err != nil {
			return err
		}
		deadline := time.Now().Add(limit)
		if p.state == Asleep {
			if err := p.await(limit, false); err != nil || p.state != Stopped {
				return err
			}
		}
		if p.state != Running {
			if err := p.resume(unix.PTRACE_CONT); err != nil {
				return err
			}
		}
		return p.await(time.Until(deadline), false)
	})
	if err == nil && p.state == AtMark {
		err = p.tracer.do(func() error { return p.freeze(true) })
	}
	return p.state, err
}

// Aside lets the other threads run, while the main thread stands still, or sleeps,
// until done reports true or the time is over. It returns what done has reported.
func (p *Process) Aside(done func() bool, limit time.Duration) (ok bool, err error) {
	err = p.tracer.do(func() error {
		if err := p.freeze(false); err != nil {
			return err
		}
		for start := time.Now(); !p.ended; {
			if ok = done(); ok || time.Since(start) > limit {
				return p.freeze(true)
			}
			if any, err := p.next(unix.WNOHANG); err != nil {
				return err
			} else if !any {
				ts := unix.NsecToTimespec(int64(20 * time.Microsecond))
				unix.Nanosleep(&ts, nil)
			}
		}
		return nil
	})
	return ok, err
}

// Step executes one instruction of the main thread, while the others stand
// still. It returns
//
//	Stopped   after it
//	AtMark    if it is a call of Mark; then it was not executed
//	Asleep    if it is a system call that waits for others; the next Step goes
//	          on with it, and waits for its end
//	Finished  if the process has ended instead
func (p *Process) Step() (State, error) {
	err := p.tracer.do(func() error { return p.step() })
	return p.state, err
}

// Steps is Step, up to n times, for as long as the process is Stopped. It calls
// each, if there is one, after every instruction, with its address. It returns
// how many were executed.
func (p *Process) Steps(n int, each func(pc uint64)) (done int, state State, err error) {
	err = p.tracer.do(func() error {
		for done < n {
			if err := p.step(); err != nil {
				return err
			}
			if p.state == AtMark || p.state == Asleep {
				return nil
			}
			done++
			if p.state != Stopped {
				return nil
			}
			if each != nil {
				each(p.last)
			}
		}
		return nil
	})
	return done, p.state, err
}

// StepCall lets the main thread run until the next entry to, or end of, a system
// call. It returns as Step does.
func (p *Process) StepCall() (State, error) {
	err := p.tracer.do(func() error {
		if p.state == Asleep {
			return p.mustAwait(false)
		}
		if err := p.freeze(true); err != nil {
			return err
		}
		if err := p.resume(unix.PTRACE_SYSCALL); err != nil {
			return err
		}
		return p.mustAwait(true)
	})
	return p.state, err
}

// Kill kills the process, and returns when it is gone.
func (p *Process) Kill() error {
	p.tracer.live = nil
	if p.ended {
		return nil
	}
	return p.tracer.do(func() error {
		if err := unix.Kill(p.pid, unix.SIGKILL); err != nil {
			return err
		}
		for !p.ended {
			if _, err := p.next(0); err != nil {
				return err
			}
		}
		p.state = Finished
		return nil
	})
}

// step is Step, in the tracing thread.
func (p *Process) step() error {
	if p.state == Asleep {
		return p.mustAwait(false)
	}
	pc, err := programCounter(p.pid)
	if err != nil {
		return p.failed("its program counter", err)
	}
	p.last = pc
	what, err := p.tracer.instruction(p.pid, pc)
	if err != nil {
		return p.failed("its next instruction", err)
	}
	p.lastKind = what
	if what == marker {
		p.state, p.before = AtMark, true
		return nil
	}
	if what == routine {
		return p.stepOver()
	}
	if err := p.freeze(true); err != nil {
		return err
	}
	var c call
	if what == systemCall {
		if c, err = callOf(p.pid); err != nil {
			return p.failed("its system call", err)
		}
		if c.waitsForThreads() {
			if err := p.freeze(false); err != nil {
				return err
			}
		}
	}
	if err := p.resume(unix.PTRACE_SINGLESTEP); err != nil {
		return err
	}
	if what != systemCall {
		for p.state == Running {
			if _, err := p.next(0); err != nil {
				return err
			}
		}
		return nil
	}
	return p.mustAwait(c.waitsForOthers())
}

// resume sets the main thread going.
func (p *Process) resume(request int) error {
	if p.state != Stopped && p.state != AtMark {
		return p.failed("its going on", unix.EBUSY)
	}
	if p.before {
		if err := p.skip(markerSize); err != nil {
			return p.failed("the mark", err)
		}
		p.before = false
	}
	p.state, p.request = Running, request
	return p.again()
}

// again sets the main thread going as it was.
func (p *Process) again() (err error) {
	switch p.request {
	case unix.PTRACE_CONT:
		err = unix.PtraceCont(p.pid, 0)
	case unix.PTRACE_SINGLESTEP:
		err = unix.PtraceSingleStep(p.pid)
	case unix.PTRACE_SYSCALL:
		err = unix.PtraceSyscall(p.pid, 0)
	}
	if err == unix.ESRCH { // it was killed meanwhile, and next will say so
		return nil
	}
	return err
}

func (p *Process) failed(what string, err error) error {
	return fmt.Errorf("trace process %d: %s: %w", p.pid, what, err)
}
