//go:build !isthmus_nofutex

package futex

import (
	"sync"
	"unsafe"

	"golang.org/x/sys/unix"
)

// From sys/syscall.h and sys/futex.h. Without FUTEX_PRIVATE_FLAG the kernel
// identifies a word by what is mapped there.
const (
	sysFutex     = 166
	opWake       = 1
	opWaitBitset = 9 // its timeout is absolute
	matchAny     = 0xffffffff

	clockMonotonic = 3
)

func futexWait(addr *uint32, old uint32, at instant) unix.Errno {
	var timeout *unix.Timespec
	ts := unix.NsecToTimespec(int64(at))
	if at != never && ts.Nano() == int64(at) { // else it is beyond the timespec
		timeout = &ts
	}
	_, _, errno := unix.Syscall9(sysFutex, uintptr(unsafe.Pointer(addr)), opWaitBitset,
		uintptr(old), uintptr(unsafe.Pointer(timeout)), 0, 0, matchAny, 0, 0)
	return errno
}

func futexWake(addr *uint32, n int32) int {
	woken, _, errno := unix.Syscall9(sysFutex, uintptr(unsafe.Pointer(addr)), opWake,
		uintptr(n), 0, 0, 0, 0, 0, 0)
	if errno != 0 {
		return 0
	}
	return int(woken)
}

// supported asks for the version: an older kernel kills whoever makes the call.
var supported = sync.OnceValue(func() bool {
	revision, err := unix.SysctlUint32("kern.osrevision")
	return err == nil && revision >= 1000000000 // NetBSD 10.0
})
