//go:build amd64 || arm64

package killtest

import (
	"time"

	"golang.org/x/sys/unix"
)

// A breakpoint takes the place of an instruction.
type breakpoint struct {
	set  bool
	pc   uint64
	code [instructionSize]byte // what was there
}

// RunTo lets the main thread run until it is about to execute the instruction at
// pc, while the others stand still. None but the main thread may execute it. It
// returns as Step does; called again after Asleep, it goes on.
func (p *Process) RunTo(pc uint64) (State, error) {
	err := p.tracer.do(func() error {
		if p.state == Asleep {
			// Woken, it may take a moment to look awake.
			if err := p.await(time.Millisecond, false); err != nil || p.state != Asleep {
				return err
			}
			return p.mustAwait(true)
		}
		if now, err := programCounter(p.pid); err != nil || now == pc {
			p.state = Stopped
			return err
		}
		return p.runTo(pc)
	})
	return p.state, err
}

func (p *Process) plant(pc uint64) error {
	p.stop = breakpoint{set: true, pc: pc}
	if _, err := unix.PtracePeekText(p.pid, uintptr(pc), p.stop.code[:len(breakpointCode)]); err != nil {
		return err
	}
	_, err := unix.PtracePokeText(p.pid, uintptr(pc), breakpointCode)
	return err
}

// hit takes the breakpoint away, and reports whether the main thread has run into
// it and not into a marker.
func (p *Process) hit() (bool, error) {
	pc, err := programCounter(p.pid)
	if err != nil {
		return false, err
	}
	if _, err := unix.PtracePokeText(p.pid, uintptr(p.stop.pc), p.stop.code[:len(breakpointCode)]); err != nil {
		return false, err
	}
	p.stop.set = false
	if pc == p.stop.pc+afterBreakpoint {
		return true, setProgramCounter(p.pid, p.stop.pc)
	}
	return false, setProgramCounter(p.pid, pc-afterBreakpoint+markerSize)
}

// passes has another thread, that may have run into the breakpoint while the main thread
// waits for it, execute what was there. It reports whether it has, and what signal came
// before.
func (p *Process) passes(tid int) (sig unix.Signal, ok bool, err error) {
	if pc, err := programCounter(tid); err != nil || pc != p.stop.pc+afterBreakpoint {
		return 0, false, err
	}
	if err := setProgramCounter(tid, p.stop.pc); err != nil || !p.stop.set {
		return 0, err == nil, err // taken away meanwhile
	}
	if _, err := unix.PtracePokeText(tid, uintptr(p.stop.pc), p.stop.code[:len(breakpointCode)]); err != nil {
		return 0, false, err
	}
	for status := unix.WaitStatus(0); status.StopSignal() != unix.SIGTRAP; {
		if err := unix.PtraceSingleStep(tid); err != nil {
			return 0, false, err
		}
		if _, err := wait4(tid, &status, unix.WALL); err != nil || !status.Stopped() {
			return 0, false, unix.ESRCH // it was killed
		}
		if status.StopSignal() != unix.SIGTRAP {
			sig = status.StopSignal()
		}
	}
	_, err = unix.PtracePokeText(tid, uintptr(p.stop.pc), breakpointCode)
	return sig, true, err
}

// skip moves the main thread on by n bytes.
func (p *Process) skip(n uint64) error {
	if n == 0 {
		return nil
	}
	pc, err := programCounter(p.pid)
	if err != nil {
		return err
	}
	return setProgramCounter(p.pid, pc+n)
}
