package killtest

import (
	"encoding/binary"

	"golang.org/x/sys/unix"
)

// canStep reports why this processor's threads cannot be stepped.
func canStep() error { return nil }

const (
	instructionSize = 2 // as much of an instruction as kindOf looks at
	markerSize      = 1

	ripOffset = 16 * 8 // of the instruction pointer in struct user
)

// programCounter returns the address of the thread's next instruction.
func programCounter(tid int) (uint64, error) {
	var b [8]byte
	_, err := unix.PtracePeekUser(tid, ripOffset, b[:])
	return binary.LittleEndian.Uint64(b[:]), err
}

// kindOf says what the instruction does.
func kindOf(b [instructionSize]byte) kind {
	switch {
	case b[0] == 0xcc: // INT3
		return marker
	case b == [2]byte{0x0f, 0x05}: // SYSCALL
		return systemCall
	}
	return plain
}

// breakpointCode is an instruction that stops a thread.
var breakpointCode = []byte{0xcc}

// afterBreakpoint is how far behind it the thread then stands.
const afterBreakpoint = 1

// setProgramCounter makes the instruction at pc the thread's next.
func setProgramCounter(tid int, pc uint64) error {
	var regs unix.PtraceRegs
	if err := unix.PtraceGetRegs(tid, &regs); err != nil {
		return err
	}
	regs.Rip = pc
	return unix.PtraceSetRegs(tid, &regs)
}

// returnAddress returns where the function that the thread is about to enter returns to.
func returnAddress(tid int) (uint64, error) {
	var regs unix.PtraceRegs
	if err := unix.PtraceGetRegs(tid, &regs); err != nil {
		return 0, err
	}
	var b [8]byte
	_, err := unix.PtracePeekData(tid, uintptr(regs.Rsp), b[:])
	return binary.LittleEndian.Uint64(b[:]), err
}

// callOf returns the system call that the thread is about to make.
func callOf(tid int) (c call, err error) {
	var regs unix.PtraceRegs
	err = unix.PtraceGetRegs(tid, &regs)
	return call{int(regs.Rax), [3]uint64{regs.Rdi, regs.Rsi, regs.Rdx}}, err
}
