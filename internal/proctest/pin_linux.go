package proctest

import (
	"runtime"

	"golang.org/x/sys/unix"
)

// pinned calls start, which forks, on a thread that may run on the given CPUs
// only: the child inherits that, and its Go runtime counts no others.
func pinned(cpus []int, start func() error) error {
	if len(cpus) == 0 {
		return start()
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var all, some unix.CPUSet
	if err := unix.SchedGetaffinity(0, &all); err != nil {
		return err
	}
	var allowed []int
	for cpu := 0; len(allowed) < all.Count(); cpu++ {
		if all.IsSet(cpu) {
			allowed = append(allowed, cpu)
		}
	}
	for _, i := range cpus {
		some.Set(allowed[i%len(allowed)])
	}
	if err := unix.SchedSetaffinity(0, &some); err != nil {
		return err
	}
	defer unix.SchedSetaffinity(0, &all)
	return start()
}
