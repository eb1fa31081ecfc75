//go:build amd64 || arm64

package killtest

import (
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// mustAwait is await with a watchdog.
func (p *Process) mustAwait(maySleep bool) error {
	err := p.await(patience, maySleep)
	if err == nil && (p.state == Running || p.state == Asleep && !maySleep) {
		err = fmt.Errorf("process %d did not go on within %v", p.pid, patience)
	}
	return err
}

// await waits until the main thread stands, for as long as limit. If it may fall
// asleep, that counts as standing.
func (p *Process) await(limit time.Duration, maySleep bool) error {
	pause := 5 * time.Microsecond
	for start := time.Now(); ; {
		for {
			ok, err := p.next(unix.WNOHANG)
			if err != nil {
				return err
			}
			if p.state != Running && p.state != Asleep {
				return nil
			}
			if !ok {
				break
			}
		}
		if maySleep && p.asleep() {
			if c, err := p.sleepsIn(); err == nil && c.waitsForOthers() {
				p.state = Asleep
				return nil
			}
			// It waits for the other threads.
			if err := p.freeze(false); err != nil {
				return err
			}
		}
		if time.Since(start) > limit {
			return nil
		}
		ts := unix.NsecToTimespec(int64(pause))
		unix.Nanosleep(&ts, nil)
		pause = min(2*pause, 200*time.Microsecond)
	}
}

// freeze makes the other threads stand still, or go on.
func (p *Process) freeze(still bool) error {
	if p.frozen == still {
		return nil
	}
	p.frozen = still
	for tid, stands := range p.others {
		switch {
		case still && !stands:
			unix.Tgkill(p.pid, tid, unix.SIGSTOP)
		case !still && stands:
			p.others[tid] = false
			unix.PtraceCont(tid, 0)
		}
	}
	for still && !p.ended && !p.allStand() {
		if _, err := p.next(0); err != nil {
			return err
		}
	}
	return nil
}

func (p *Process) allStand() bool {
	for _, stands := range p.others {
		if !stands {
			return false
		}
	}
	return true
}

// next takes note of the next thing that any thread reports.
func (p *Process) next(options int) (ok bool, err error) {
	var status unix.WaitStatus
	// Its process group has no other members: the tracing thread may have
	// children of other parts of the test.
	tid, err := wait4(-p.pid, &status, options|unix.WALL|unix.WNOTHREAD)
	if err != nil {
		return false, p.failed("a report", err)
	}
	if tid == 0 {
		return false, nil
	}
	if tid == p.pid {
		return true, p.mainStopped(status)
	}
	if !status.Stopped() {
		delete(p.others, tid)
		return true, nil
	}
	_, known := p.others[tid]
	sig := status.StopSignal()
	if status.TrapCause() > 0 || sig == unix.SIGSTOP {
		sig = 0 // a clone; a new thread; or one to stand still
	}
	p.others[tid] = false
	if sig == unix.SIGTRAP {
		came, passed, err := p.passes(tid)
		switch {
		case err == unix.ESRCH:
			delete(p.others, tid)
			return true, nil
		case err != nil:
			return true, p.failed("a thread at the breakpoint", err)
		case passed && came == unix.SIGSTOP:
			sig = 0
		case passed:
			sig = came
		}
	}
	if p.frozen && (sig == 0 && status.TrapCause() <= 0 || !known) {
		p.others[tid] = true
		return true, nil
	}
	if err := unix.PtraceCont(tid, int(sig)); err != nil && err != unix.ESRCH {
		return true, p.failed("a thread", err)
	}
	return true, nil
}

// mainStopped takes note of what the main thread has reported.
func (p *Process) mainStopped(status unix.WaitStatus) error {
	if !status.Stopped() {
		p.ended, p.end, p.state = true, status, Finished
		return nil
	}
	switch sig := status.StopSignal(); {
	case status.TrapCause() > 0: // a clone
		return p.again()
	case sig == unix.SIGTRAP|0x80: // at a system call's entry or end
		if p.request != unix.PTRACE_SYSCALL {
			return p.again()
		}
		p.state = Stopped
	case sig == unix.SIGTRAP && p.request == unix.PTRACE_SINGLESTEP:
		p.state = Stopped
	case sig == unix.SIGTRAP && p.stop.set:
		hit, err := p.hit()
		if err != nil {
			return p.failed("the breakpoint", err)
		}
		p.state = Stopped
		if !hit {
			p.state = AtMark
		}
	case sig == unix.SIGTRAP:
		if err := p.skip(markerSize - afterBreakpoint); err != nil {
			return p.failed("the mark", err)
		}
		p.state = AtMark
	case sig == unix.SIGSTOP:
		return p.again()
	case sig == unix.SIGURG || sig == unix.SIGCHLD:
		return p.again()
	default:
		pc, _ := programCounter(p.pid)
		return fmt.Errorf("process %d got the signal %v at %#x", p.pid, sig, pc)
	}
	return nil
}
