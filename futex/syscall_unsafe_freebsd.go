//go:build !isthmus_nofutex

package futex

import (
	"math"
	"unsafe"

	"golang.org/x/sys/unix"
)

// From sys/umtx.h and sys/_umtx.h. These operations identify a word by what is
// mapped there; those that do by its address have PRIVATE in their names.
const (
	opWake     = 3
	opWaitUint = 11
	abstime    = 1

	clockMonotonic = unix.CLOCK_MONOTONIC
)

// umtxTime is struct _umtx_time.
type umtxTime struct {
	timeout unix.Timespec
	flags   uint32
	clock   uint32
}

func futexWait(addr *uint32, old uint32, at instant) unix.Errno {
	var size uintptr
	var timeout *umtxTime
	t := umtxTime{unix.NsecToTimespec(int64(at)), abstime, clockMonotonic}
	if at != never && t.timeout.Nano() == int64(at) { // else it is beyond a 32-bit timespec
		size, timeout = unsafe.Sizeof(t), &t
	}
	_, _, errno := unix.Syscall6(unix.SYS__UMTX_OP, uintptr(unsafe.Pointer(addr)), opWaitUint,
		uintptr(old), size, uintptr(unsafe.Pointer(timeout)), 0)
	return errno
}

// futexWake wakes everybody: the kernel does not tell how many it woke, and from
// less than n its caller concludes that nobody is left asleep.
func futexWake(addr *uint32, _ int32) int {
	unix.Syscall6(unix.SYS__UMTX_OP, uintptr(unsafe.Pointer(addr)), opWake, math.MaxInt32, 0, 0, 0)
	return 0
}

func supported() bool { return true } // since FreeBSD 10
