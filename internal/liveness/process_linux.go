package liveness

import (
	"math"
	"os"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// pidNamespace returns the number of the PID namespace of this process, 0 if it
// cannot be found out.
var pidNamespace = sync.OnceValue(func() uint64 {
	info, err := os.Stat("/proc/self/ns/pid")
	if err != nil {
		return 0
	}
	return info.Sys().(*syscall.Stat_t).Ino
})

// samePIDs reports whether the pids of that namespace mean the same to this process.
func samePIDs(namespace uint64) bool { return namespace != 0 && namespace == pidNamespace() }

// Ended reports whether the process called pid is gone with all of its threads.
// It is false where another process has got the pid.
func Ended(pid uint32) bool {
	if pid == 0 || pid > math.MaxInt32 {
		return false
	}
	fd, err := unix.PidfdOpen(int(pid), 0)
	if err == unix.ESRCH {
		return true
	}
	if err != nil { // before Linux 5.3, or in a sandbox
		return unix.Kill(int(pid), 0) == unix.ESRCH
	}
	defer unix.Close(fd)
	// It may be gone without having been waited for.
	fds := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
	n, err := unix.Poll(fds, 0)
	return n == 1 && err == nil && fds[0].Revents&unix.POLLIN != 0
}
