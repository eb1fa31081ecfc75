package sim

import (
	"fmt"
	"path/filepath"
	"runtime"
	"strings"
)

// trace writes what an agent has done to a word, and where in the sources.
func trace[T uint32 | uint64](what string, at uintptr, v T) {
	if world == nil || world.Trace == nil {
		return
	}
	a := world.now
	fmt.Fprintf(world.Trace, "%6d  %-22s  %s %03x: %#x  (%s)\n", world.Steps, a.name+" "+a.doing, what, at, v, callers())
}

// callers names the lines of a ring, and of an Event, that led here, the last first.
func callers() string {
	var pcs [32]uintptr
	frames := runtime.CallersFrames(pcs[:runtime.Callers(3, pcs[:])])
	var lines []string
	for {
		f, more := frames.Next()
		dir, file := filepath.Split(f.File)
		switch filepath.Base(dir) {
		case "ring", "wait", "shm":
			lines = append(lines, fmt.Sprintf("%s:%d", strings.TrimSuffix(file, ".go"), f.Line))
		}
		if !more {
			return strings.Join(lines, " < ")
		}
	}
}
