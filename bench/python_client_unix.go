//go:build unix

package main

import (
	"bytes"
	"context"
	_ "embed"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
)

// pythonClientRows are clients/python, if it is installed for a python3 that has NumPy, and
// what multiprocessing has in its place, in the same Python: blocks of NumPy from a process in
// Python to one in Go, that reads them in place, beside a Queue from Python to Python; and locks.
func pythonClientRows() []row {
	// A peer is the Go side of a stream: its row is there.
	if !isPeer() && pythonClient() == "" {
		return nil
	}
	ring := row{System: "python.ring.SPSC", wire: wireNamedSegment, attach: attachPythonStream, foreign: pythonProducer}
	queue := row{System: "python.Queue", command: pythonClientCommand}
	rows := contendRows(row{System: "python.shm.Lock", command: pythonClientCommand, Workload: lock})
	for _, system := range []string{"python.Lock", "python.shm.Lock"} {
		rows = append(rows, contendRows(row{System: system, Mode: "with", command: pythonClientCommand, Workload: lock})...)
	}
	for _, r := range []row{ring, queue} {
		r.Workload, r.Batch, r.Procs = stream, 1, 2
		for _, r.Size = range []int{64 << 10, 1 << 20} {
			rows = append(rows, r)
			if r.foreign != nil {
				r := r
				r.Mode = "zerocopy"
				rows = append(rows, r)
			}
		}
	}
	return rows
}

//go:embed python_client.py
var pythonClientScript string

// pythonClient returns the path of an interpreter that has the client, or "".
var pythonClient = sync.OnceValue(func() string {
	for _, name := range []string{os.Getenv("ISTHMUS_PYTHON"), "/usr/bin/python3", "python3"} {
		if name == "" {
			continue
		}
		out, err := exec.Command(name, "-c", "import isthmus, numpy, multiprocessing.synchronize, sys; print(sys.executable)").Output()
		if err == nil {
			return string(bytes.TrimSpace(out))
		}
	}
	return ""
})

// pythonClientCommand is pythonCommand for that interpreter.
func pythonClientCommand(ctx context.Context, r row, cpus []int) (*exec.Cmd, error) {
	return exec.CommandContext(ctx, pythonClient(), "-c", pythonScript,
		r.System, r.Mode, fmt.Sprint(r.Procs), fmt.Sprint(r.Size), strings.Trim(fmt.Sprint(cpus), "[]")), nil
}

// pythonProducer starts side 0, in Python.
func pythonProducer(ctx context.Context, r row, side int, in inherited) (*exec.Cmd, error) {
	if side != 0 {
		return nil, nil
	}
	return exec.CommandContext(ctx, pythonClient(), "-c", pythonClientScript,
		in.segment, fmt.Sprint(r.Size), fmt.Sprint(r.ringCapacity()), r.Mode), nil
}

// attachPythonStream joins side 1, in Go.
func attachPythonStream(r row, in inherited) (joiner, error) {
	r.Mode = "zerocopy"
	return attachSPSCStream(r, in)
}
