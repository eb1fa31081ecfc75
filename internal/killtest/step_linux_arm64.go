package killtest

import (
	"encoding/binary"
	"errors"

	"golang.org/x/sys/cpu"
	"golang.org/x/sys/unix"
)

// canStep reports why this processor's threads cannot be stepped.
func canStep() error {
	if !cpu.ARM64.HasATOMICS {
		return errors.New("without the atomic instructions of ARMv8.1 a single-stepped atomic operation never ends")
	}
	return nil
}

const (
	instructionSize = 4
	markerSize      = instructionSize

	generalRegisters = 1 // NT_PRSTATUS
)

// programCounter returns the address of the thread's next instruction.
func programCounter(tid int) (uint64, error) {
	var regs unix.PtraceRegsArm64
	err := unix.PtraceGetRegSetArm64(tid, generalRegisters, &regs)
	return regs.Pc, err
}

// kindOf says what the instruction does.
func kindOf(b [instructionSize]byte) kind {
	switch w := binary.LittleEndian.Uint32(b[:]); {
	case w&0xffe0001f == 0xd4200000: // BRK
		return marker
	case w == 0xd4000001: // SVC #0
		return systemCall
	}
	return plain
}

// breakpointCode is an instruction that stops a thread.
var breakpointCode = []byte{0x00, 0x00, 0x20, 0xd4}

// afterBreakpoint is how far behind it the thread then stands.
const afterBreakpoint = 0

// setProgramCounter makes the instruction at pc the thread's next.
func setProgramCounter(tid int, pc uint64) error {
	var regs unix.PtraceRegsArm64
	if err := unix.PtraceGetRegSetArm64(tid, generalRegisters, &regs); err != nil {
		return err
	}
	regs.Pc = pc
	return unix.PtraceSetRegSetArm64(tid, generalRegisters, &regs)
}

// returnAddress returns where the function that the thread is about to enter returns to.
func returnAddress(tid int) (uint64, error) {
	var regs unix.PtraceRegsArm64
	err := unix.PtraceGetRegSetArm64(tid, generalRegisters, &regs)
	return regs.Regs[30], err
}

// callOf returns the system call that the thread is about to make.
func callOf(tid int) (c call, err error) {
	var regs unix.PtraceRegsArm64
	err = unix.PtraceGetRegSetArm64(tid, generalRegisters, &regs)
	return call{int(regs.Regs[8]), [3]uint64{regs.Regs[0], regs.Regs[1], regs.Regs[2]}}, err
}
