//go:build linux

package main

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// A usage is what two CPUs have done since the machine was started.
type usage struct {
	all  time.Duration // both CPUs
	busy time.Duration // spent on processes
	own  time.Duration // spent on this process and its children that have ended
}

func (u usage) since(o usage) usage { return usage{u.all - o.all, u.busy - o.busy, u.own - o.own} }

// others returns the share of the CPUs that other processes had.
func (u usage) others() float64 {
	return max(0, float64(u.busy-u.own)/float64(max(u.all, 1)))
}

func readUsage(cpus []int) (usage, error) {
	stat, err := os.ReadFile("/proc/stat")
	if err != nil {
		return usage{}, err
	}
	u := parseUsage(string(stat), cpus)
	for _, who := range []int{unix.RUSAGE_SELF, unix.RUSAGE_CHILDREN} {
		var r unix.Rusage
		if err := unix.Getrusage(who, &r); err != nil {
			return usage{}, os.NewSyscallError("getrusage", err)
		}
		u.own += time.Duration(r.Utime.Nano() + r.Stime.Nano())
	}
	return u, nil
}

// parseUsage adds up the lines of cpus in /proc/stat. Its columns are user, nice,
// system, idle, iowait, irq, softirq and steal, in ticks of 10 ms.
func parseUsage(stat string, cpus []int) (u usage) {
	for line := range strings.Lines(stat) {
		fields := strings.Fields(line)
		if len(fields) < 9 || !slices.ContainsFunc(cpus, func(cpu int) bool { return fields[0] == fmt.Sprintf("cpu%d", cpu) }) {
			continue
		}
		for i, field := range fields[1:9] {
			ticks, _ := strconv.Atoi(field)
			u.all += time.Duration(ticks) * 10 * time.Millisecond
			if i < 3 {
				u.busy += time.Duration(ticks) * 10 * time.Millisecond
			}
		}
	}
	return u
}
