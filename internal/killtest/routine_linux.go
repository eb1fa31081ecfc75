//go:build amd64 || arm64

package killtest

import (
	"runtime"
	"slices"

	"golang.org/x/sys/unix"
)

// routines are functions of the Go runtime and its library that do nothing outside of the
// process, call nothing that is not theirs, and take most of the instructions of many
// operations.
var routines = []string{
	"runtime.mallocgc", "runtime.newobject", "runtime.growslice", "runtime.makeslice", "runtime.makechan",
	"runtime.interfaceSwitch", "runtime.typeAssert", "runtime.ifaceeq",
	"runtime.mapassign", "runtime.mapassign_fast64ptr", "runtime.slicebytetostring",
	"runtime.entersyscall", "runtime.exitsyscall", "runtime.GOMAXPROCS",
	"time.Now", "time.Since", "time.Until", "time.runtimeNano",
}

// isRoutine reports whether the instruction is the first of one of the routines.
func isRoutine(pc uint64) bool {
	f := runtime.FuncForPC(uintptr(pc))
	return f != nil && f.Entry() == uintptr(pc) && slices.Contains(routines, f.Name())
}

// stepOver lets the main thread, which stands before the first instruction of a routine,
// run until that returns.
func (p *Process) stepOver() error {
	back, err := returnAddress(p.pid)
	if err != nil {
		return p.failed("its return address", err)
	}
	return p.runTo(back)
}

// runTo lets the main thread run until it is about to execute the instruction at pc,
// while the others stand still.
func (p *Process) runTo(pc uint64) error {
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
}
