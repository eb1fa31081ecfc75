package ring_test

import (
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// forbidBarriers makes the kernel refuse membarrier from now on, in all threads,
// as one without it would.
func forbidBarriers() error {
	const (
		load   = unix.BPF_LD | unix.BPF_W | unix.BPF_ABS
		jumpEq = unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K
		ret    = unix.BPF_RET | unix.BPF_K

		// From linux/seccomp.h.
		setModeFilter = 1
		flagTsync     = 1
		retErrno      = 0x00050000
		retAllow      = 0x7fff0000
	)
	filter := []unix.SockFilter{
		{Code: load, K: 0}, // the number of the system call
		{Code: jumpEq, K: unix.SYS_MEMBARRIER, Jf: 1},
		{Code: ret, K: retErrno | uint32(unix.ENOSYS)},
		{Code: ret, K: retAllow},
	}
	prog := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}

	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return err
	}
	_, _, errno := unix.Syscall(unix.SYS_SECCOMP, setModeFilter, flagTsync, uintptr(unsafe.Pointer(&prog)))
	runtime.KeepAlive(filter)
	if errno != 0 {
		return errno
	}
	return nil
}
