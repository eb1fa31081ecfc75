//go:build !isthmus_nofutex

package futex_test

import (
	"encoding/binary"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// enterSandbox makes the kernel refuse futex_waitv with an error from now on, in
// all threads, and also futex on shared words if so told. The Go runtime itself
// uses private ones.
func enterSandbox(errno unix.Errno, sharedFutexToo bool) error {
	const (
		load     = unix.BPF_LD | unix.BPF_W | unix.BPF_ABS
		jumpEq   = unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K
		jumpBits = unix.BPF_JMP | unix.BPF_JSET | unix.BPF_K
		ret      = unix.BPF_RET | unix.BPF_K

		// From linux/seccomp.h.
		setModeFilter = 1
		flagTsync     = 1
		retErrno      = 0x00050000
		retAllow      = 0x7fff0000
	)
	operation := uint32(16 + 8) // the low half of the second argument
	if binary.NativeEndian.Uint16([]byte{0, 1}) == 1 {
		operation += 4
	}
	futexCall := uint32(unix.SYS_FUTEX)
	if !sharedFutexToo {
		futexCall = 1<<32 - 1
	}
	const private = 128
	filter := []unix.SockFilter{
		{Code: load, K: 0}, // the number of the system call
		{Code: jumpEq, K: unix.SYS_FUTEX_WAITV, Jt: 3},
		{Code: jumpEq, K: futexCall, Jf: 3},
		{Code: load, K: operation},
		{Code: jumpBits, K: private, Jt: 1},
		{Code: ret, K: retErrno | uint32(errno)},
		{Code: ret, K: retAllow},
	}
	prog := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}

	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return err
	}
	_, _, e := unix.Syscall(unix.SYS_SECCOMP, setModeFilter, flagTsync, uintptr(unsafe.Pointer(&prog)))
	runtime.KeepAlive(filter)
	if e != 0 {
		return e
	}
	return nil
}
