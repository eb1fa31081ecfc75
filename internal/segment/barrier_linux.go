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
// can issue them. The first call registers it.
var canBarrier = sync.OnceValue(func() bool {
	return membarrier(membarrierRegisterGlobalExpedited) == 0 && membarrier(membarrierGlobalExpedited) == 0
})

func barrier() bool { return canBarrier() && membarrier(membarrierGlobalExpedited) == 0 }

func membarrier(cmd uintptr) unix.Errno {
	_, _, errno := unix.RawSyscall(unix.SYS_MEMBARRIER, cmd, 0, 0)
	return errno
}
