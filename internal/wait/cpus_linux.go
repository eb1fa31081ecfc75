package wait

import (
	"os"
	"runtime"
	"strings"
)

// cpus returns 1 only if the machine has one CPU online. NumCPU would not do:
// it counts the CPUs that this process may use.
func cpus() int {
	b, err := os.ReadFile("/sys/devices/system/cpu/online")
	if err == nil && strings.ContainsAny(string(b), "-,") {
		return 2
	}
	return runtime.NumCPU()
}
