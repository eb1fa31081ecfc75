package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// tick is the unit of times in /proc.
const tick = 10 * time.Millisecond

// readUsage returns the usage of the CPUs of the peers since they were started,
// less what descendants had that have ended and that nobody has waited for.
func readUsage() usage {
	stat, err := os.ReadFile("/proc/stat")
	if err != nil {
		return usage{}
	}
	cpus := cpuPair()
	if cpus == nil {
		cpus = allowedCPUs()
	}
	u := parseUsage(string(stat), cpus)
	for _, pid := range family(parents(), os.Getpid()) {
		u.own += processTime(pid) + endedTime(pid)
	}
	return u
}

// parseUsage adds up the lines of cpus in /proc/stat. Its columns are user,
// nice, system, idle, iowait, irq, softirq, steal, and two that user and nice
// hold already.
func parseUsage(stat string, cpus []int) (u usage) {
	for line := range strings.Lines(stat) {
		fields := strings.Fields(line)
		if len(fields) < 9 || !slices.ContainsFunc(cpus, func(cpu int) bool { return fields[0] == fmt.Sprintf("cpu%d", cpu) }) {
			continue
		}
		for i, field := range fields[1:9] {
			ticks, _ := strconv.Atoi(field)
			u.all += time.Duration(ticks) * tick
			if i < 3 {
				u.busy += time.Duration(ticks) * tick
			}
		}
	}
	return u
}

// parents returns the parent of each process.
func parents() map[int]int {
	all := map[int]int{}
	entries, _ := os.ReadDir("/proc")
	for _, entry := range entries {
		if _, err := strconv.Atoi(entry.Name()); err != nil {
			continue // no process
		}
		stat, err := os.ReadFile(filepath.Join("/proc", entry.Name(), "stat"))
		if err != nil {
			continue // it has ended
		}
		if pid, parent, ok := parseParent(string(stat)); ok {
			all[pid] = parent
		}
	}
	return all
}

// parseParent reads the start of a line "pid (name) state parent ...". A name may
// hold parentheses.
func parseParent(stat string) (pid, parent int, ok bool) {
	end := strings.LastIndex(stat, ") ")
	if end < 0 {
		return 0, 0, false
	}
	var state string
	_, err := fmt.Sscan(stat, &pid)
	_, err2 := fmt.Sscan(stat[end+2:], &state, &parent)
	return pid, parent, err == nil && err2 == nil
}

// family returns root and its descendants.
func family(parents map[int]int, root int) []int {
	pids := []int{root}
	for i := 0; i < len(pids); i++ {
		for pid, parent := range parents {
			if parent == pids[i] {
				pids = append(pids, pid)
			}
		}
	}
	return pids
}

// processTime returns the CPU time of all threads of a process. Ticks would be
// too coarse for a round; a process has a clock, whose number is made of its own.
func processTime(pid int) time.Duration {
	var t unix.Timespec
	if err := unix.ClockGettime(int32(^pid<<3|2), &t); err != nil {
		return 0 // it has ended
	}
	return time.Duration(t.Nano())
}

// endedTime returns the CPU time of the children that a process has waited for, and of theirs.
func endedTime(pid int) time.Duration {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0 // it has ended itself
	}
	return parseEndedTime(string(stat))
}

// parseEndedTime adds up the fields cutime and cstime of such a line.
func parseEndedTime(stat string) time.Duration {
	const before = 13 // fields between the name and these
	fields := strings.Fields(stat[strings.LastIndex(stat, ") ")+1:])
	if len(fields) < before+2 {
		return 0
	}
	user, _ := strconv.Atoi(fields[before])
	system, _ := strconv.Atoi(fields[before+1])
	return time.Duration(user+system) * tick
}
