//go:build unix

package main

import (
	"context"
	_ "embed"
	"fmt"
	"os/exec"
)

//go:embed python_pool.py
var pythonPoolScript string

// pythonPoolRows are Python's multiprocessing.Pool and concurrent.futures.ProcessPoolExecutor, at the tasks of poolRows
// and factorialRows, and the start of its processes.
func pythonPoolRows() []row {
	if isPeer() || python() == "" {
		return nil
	}
	var rows []row
	for _, system := range []string{"python.Pool", "python.ProcessPoolExecutor"} {
		rows = append(rows, squareRows(row{System: system})...)
	}
	r := row{Workload: factorial, Batch: 1, Procs: 1}
	for _, r.System = range []string{"python.serial", "python.Pool", "python.ProcessPoolExecutor"} {
		rows = append(rows, r)
	}
	r.Workload, r.System = starting, "python.Process"
	for _, r.Mode = range []string{"fork", "spawn"} {
		rows = append(rows, r)
	}
	for i := range rows {
		rows[i].spread, rows[i].command = true, pythonPoolCommand
		rows[i].long = rows[i].Workload != pool || rows[i].Mode == poolGo
	}
	return rows
}

// pythonPoolCommand starts the side of a row.
func pythonPoolCommand(ctx context.Context, r row, _ []int) (*exec.Cmd, error) {
	number := []any{squareChunk}
	switch {
	case r.Workload == factorial:
		number = []any{factorials, factorialChunk}
	case r.Mode == poolGo:
		number = []any{outstanding}
	}
	args := []string{"-c", pythonPoolScript, r.Workload, r.System, r.Mode, fmt.Sprint(poolWorkers)}
	for _, n := range number {
		args = append(args, fmt.Sprint(n))
	}
	return exec.CommandContext(ctx, python(), args...), nil
}
