package main

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"
)

// allowedCPUs returns the CPUs that this process may run on.
func allowedCPUs() []int {
	var set unix.CPUSet
	if err := unix.SchedGetaffinity(0, &set); err != nil {
		return nil
	}
	var cpus []int
	for cpu := 0; len(cpus) < set.Count(); cpu++ {
		if set.IsSet(cpu) {
			cpus = append(cpus, cpu)
		}
	}
	return cpus
}

// cpuPair returns two CPUs to pin peers to: on different cores of one
// package where there are such, else any two. It returns nil if there are
// no two.
func cpuPair() []int {
	cpus := allowedCPUs()
	if len(cpus) < 2 {
		return nil
	}
	first := cpus[0]
	for _, cpu := range cpus[1:] {
		if topology(cpu, "core_id") != topology(first, "core_id") &&
			topology(cpu, "physical_package_id") == topology(first, "physical_package_id") {
			return []int{first, cpu}
		}
	}
	return cpus[:2]
}

func topology(cpu int, attribute string) string {
	b, err := os.ReadFile(fmt.Sprintf("/sys/devices/system/cpu/cpu%d/topology/%s", cpu, attribute))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
}

// startPinned starts cmd so that every thread of it runs on one of cpus. A
// child inherits the affinity of the thread that forks it, so this thread
// takes it on and gives it back.
func startPinned(cmd *exec.Cmd, cpus []int) error {
	if len(cpus) == 0 {
		return cmd.Start()
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var before, pinned unix.CPUSet
	if err := unix.SchedGetaffinity(0, &before); err != nil {
		return os.NewSyscallError("sched_getaffinity", err)
	}
	for _, cpu := range cpus {
		pinned.Set(cpu)
	}
	if err := unix.SchedSetaffinity(0, &pinned); err != nil {
		return os.NewSyscallError("sched_setaffinity", err)
	}
	defer unix.SchedSetaffinity(0, &before)
	return cmd.Start()
}
