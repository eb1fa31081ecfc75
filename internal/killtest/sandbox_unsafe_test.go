//go:build linux && (amd64 || arm64) && !isthmus_nofutex

package killtest_test

import (
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// refuseTmpfile makes the kernel refuse O_TMPFILE to the calling thread, as file
// systems without it do. The thread must be locked.
func refuseTmpfile() {
	const (
		load = unix.BPF_LD | unix.BPF_W | unix.BPF_ABS
		eq   = unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K
		bits = unix.BPF_JMP | unix.BPF_JSET | unix.BPF_K
		ret  = unix.BPF_RET | unix.BPF_K

		// From linux/seccomp.h.
		setModeFilter = 1
		retErrno      = 0x00050000
		retAllow      = 0x7fff0000

		flags   = 16 + 2*8 // the low half of the third argument: little endian
		tmpfile = unix.O_TMPFILE &^ unix.O_DIRECTORY
	)
	filter := []unix.SockFilter{
		{Code: load, K: 0}, // the number of the system call
		{Code: eq, K: unix.SYS_OPENAT, Jf: 3},
		{Code: load, K: flags},
		{Code: bits, K: tmpfile, Jf: 1},
		{Code: ret, K: retErrno | uint32(unix.EOPNOTSUPP)},
		{Code: ret, K: retAllow},
	}
	prog := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	check(unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
	_, _, errno := unix.Syscall(unix.SYS_SECCOMP, setModeFilter, 0, uintptr(unsafe.Pointer(&prog)))
	runtime.KeepAlive(filter)
	if errno != 0 {
		panic(errno)
	}
}
