package liveness

import (
	"bytes"
	"fmt"
	"math"
	"os"
	"strconv"
	"sync"
	"syscall"
	"time"

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

// Started returns when the process called pid began, the zero time if that is not known.
func Started(pid uint32) time.Time {
	const (
		field         = 22 // starttime of proc_pid_stat(5)
		ticksInSecond = 100
	)
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:]) // from the third on
	if err != nil || len(fields) <= field-3 {
		return time.Time{}
	}
	ticks, err := strconv.ParseInt(string(fields[field-3]), 10, 64)
	var up unix.Timespec
	if err != nil || unix.ClockGettime(unix.CLOCK_BOOTTIME, &up) != nil {
		return time.Time{}
	}
	since := time.Duration(up.Nano()) - time.Duration(ticks)*(time.Second/ticksInSecond)
	return time.Now().Add(-since).Round(0)
}
