package segment

import (
	"sync"

	"golang.org/x/sys/unix"
)

// membarrier(2).
const (
	membarrierGlobalExpedited         = 1 << 1
	membarrierRegisterGlobalExpedited = 1 << 2
)

// canBarrier reports whether the barriers of others reach this process, and it
// can issue them. The first call registers it, for which the kernel waits until each
// processor has scheduled: some 10 ms, or longer on a busy machine.
var canBarrier = sync.OnceValue(func() bool {
	_, _, errno := unix.Syscall(unix.SYS_MEMBARRIER, membarrierRegisterGlobalExpedited, 0, 0)
	return errno == 0 && membarrier(membarrierGlobalExpedited) == 0
})

func barrier() bool { return canBarrier() && membarrier(membarrierGlobalExpedited) == 0 }

func membarrier(cmd uintptr) unix.Errno {
	_, _, errno := unix.RawSyscall(unix.SYS_MEMBARRIER, cmd, 0, 0)
	return errno
}
