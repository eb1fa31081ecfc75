//go:build !isthmus_nofutex

package futex

import (
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// From linux/futex.h. Without futexPrivateFlag the kernel identifies a word by the
// file or memory object behind the address, which is what processes share.
const (
	opWake           = 1
	opWaitBitset     = 9 // its timeout is absolute, on CLOCK_MONOTONIC
	futexPrivateFlag = 128
	matchAny         = 0xffffffff

	// Flags of an element of futex_waitv.
	futexSize32  = 2
	futexPrivate = 128
)

// A waiter is struct futex_waitv: 64-bit fields whatever the word size.
type waiter struct {
	val      uint64
	addr     uint64
	flags    uint32
	reserved uint32
}

// A timespec64 is struct __kernel_timespec, which futex_waitv takes on every
// architecture; futex takes the one with the architecture's long.
type timespec64 struct {
	sec, nsec int64
}

var (
	_ [24]byte = [unsafe.Sizeof(waiter{})]byte{}
	_ [16]byte = [unsafe.Sizeof(timespec64{})]byte{}
)

// futexWait uses Syscall6, so that the scheduler can run others meanwhile.
func futexWait(addr *uint32, old uint32, at instant) unix.Errno {
	var timeout *unix.Timespec
	ts := unix.NsecToTimespec(int64(at))
	if at != never && ts.Nano() == int64(at) { // else it is beyond a 32-bit timespec
		timeout = &ts
	}
	_, _, errno := unix.Syscall6(unix.SYS_FUTEX, uintptr(unsafe.Pointer(addr)), opWaitBitset,
		uintptr(old), uintptr(unsafe.Pointer(timeout)), 0, matchAny)
	return errno
}

// futexWake uses RawSyscall6: the call does not block, and need not tell the
// scheduler.
func futexWake(addr *uint32, n int32) int {
	woken, _, errno := unix.RawSyscall6(unix.SYS_FUTEX, uintptr(unsafe.Pointer(addr)), opWake,
		uintptr(n), 0, 0, 0)
	if errno != 0 {
		return 0
	}
	return int(woken)
}

func futexWakePrivate(addr *uint32) {
	unix.RawSyscall6(unix.SYS_FUTEX, uintptr(unsafe.Pointer(addr)), opWake|futexPrivateFlag,
		1, 0, 0, 0)
}

// add appends an element. Storing addr in v makes it escape: what it points to
// is on the heap, or no Go memory, and does not move.
func (v *vector) add(addr *uint32, old uint32, flags uint32) {
	v.addrs = append(v.addrs, addr)
	v.waiters = append(v.waiters, waiter{
		val:   uint64(old),
		addr:  uint64(uintptr(unsafe.Pointer(addr))),
		flags: futexSize32 | flags,
	})
}

// wait calls futex_waitv, and returns the index of a woken element.
func (v *vector) wait(at instant) (int, unix.Errno) {
	var timeout *timespec64
	ts := timespec64{int64(at) / 1e9, int64(at) % 1e9}
	if at != never {
		timeout = &ts
	}
	i, _, errno := unix.Syscall6(unix.SYS_FUTEX_WAITV, uintptr(unsafe.Pointer(&v.waiters[0])),
		uintptr(len(v.waiters)), 0, uintptr(unsafe.Pointer(timeout)), unix.CLOCK_MONOTONIC, 0)
	runtime.KeepAlive(v)
	return int(i), errno
}

func supported() bool { return true }
