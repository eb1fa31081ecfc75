package proctest

import (
	"fmt"
	"os"
	"runtime"
	"testing"
	"time"
)

// leakLimit is how long what a test leaves to the collector may take to go away.
const leakLimit = 2 * time.Second

// NoLeaks fails the test if more files are open or more children run at its end
// than at this call. Call it before anything that registers a cleanup. The test
// must not be parallel. It sees files on Unix only, processes on Linux only.
func NoLeaks(t testing.TB) {
	t.Helper()
	before := openFiles()
	t.Cleanup(func() {
		if t.Failed() {
			return
		}
		for _, fault := range leaks(before) {
			t.Errorf("proctest: %s", fault)
		}
	})
}

// leaks names the open files that are not in before, and the child processes. It
// lets the collector close what is no longer referenced.
func leaks(before map[string]string) []string {
	var faults []string
	for start := time.Now(); ; time.Sleep(10 * time.Millisecond) {
		faults = processes()
		for fd, name := range openFiles() {
			if before[fd] != name {
				faults = append(faults, fmt.Sprintf("file descriptor %s (%s) was left open", fd, name))
			}
		}
		if len(faults) == 0 || time.Since(start) > leakLimit {
			return faults
		}
		runtime.GC()
	}
}

// openFiles returns what each open file descriptor refers to, as far as the
// platform tells, and nothing on platforms without /dev/fd.
func openFiles() map[string]string {
	files := map[string]string{}
	if runtime.GOOS == "windows" { // Wine shows the host's /proc
		return files
	}
	startPoller()
	for _, dir := range []string{"/proc/self/fd", "/dev/fd"} {
		entries, err := os.ReadDir(dir)
		if err != nil {
			continue
		}
		for _, e := range entries {
			path := dir + "/" + e.Name()
			if _, err := os.Lstat(path); err != nil {
				continue // the descriptor of the directory itself
			}
			name, err := os.Readlink(path)
			if err != nil {
				name = "unknown"
			}
			files[e.Name()] = name
		}
		break
	}
	return files
}

// startPoller makes the runtime open the descriptors that it needs for polling
// and never closes.
func startPoller() {
	if r, w, err := os.Pipe(); err == nil {
		r.Close()
		w.Close()
	}
}
