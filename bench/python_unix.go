//go:build unix

package main

import (
	"bytes"
	"context"
	_ "embed"
	"fmt"
	"os/exec"
	"strings"
	"sync"
)

// pythonRows are Python's multiprocessing, if there is a python3 that has it:
// two of its pipes with an 8-byte message each way, its Queue of integers,
// and its Lock. Its processes run python.py, and are pinned as all others.
func pythonRows() []row {
	// The peers of these rows are no peers of this kind, so none needs to know.
	if isPeer() || python() == "" {
		return nil
	}
	trips := row{System: "python.Pipe", command: pythonCommand}
	queue := row{System: "python.Queue", command: pythonCommand, Workload: stream, Size: 8, Batch: 1, Procs: 2}
	mutex := row{System: "python.Lock", command: pythonCommand, Workload: lock}
	return append(append(defaultTripRows(trips), queue), contendRows(mutex)...)
}

//go:embed python.py
var pythonScript string

// python returns the path of the interpreter, or "". It is that of pythonClientRows, if there is one.
var python = sync.OnceValue(func() string {
	if client := pythonClient(); client != "" {
		return client
	}
	// What is found in the path may be a script that starts the real one.
	out, err := exec.Command("python3", "-c", "import multiprocessing.synchronize, sys; print(sys.executable)").Output()
	if err != nil {
		return ""
	}
	return string(bytes.TrimSpace(out))
})

// pythonCommand starts the parent of a row's sides, which relays commands and
// reports.
func pythonCommand(ctx context.Context, r row, cpus []int) (*exec.Cmd, error) {
	return exec.CommandContext(ctx, python(), "-c", pythonScript,
		r.System, r.Mode, fmt.Sprint(r.Procs), fmt.Sprint(r.Size), strings.Trim(fmt.Sprint(cpus), "[]")), nil
}
