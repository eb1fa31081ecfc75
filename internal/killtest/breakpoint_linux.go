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
			return err
		}
		if err := p.freeze(true); err != nil {
			return err
		}
		if err := p.plant(pc); err != nil {
			return p.failed("a breakpoint", err)
		}
		if err := p.resume(unix.PTRACE_CONT); err != nil {
			return err
		}
		return p.mustAwait(true)
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
