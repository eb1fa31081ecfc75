package main

import (
	"context"
	"os"
	"os/exec"
	"runtime"

	"github.com/isthmus-go/isthmus/process"
)

// exitEnv makes this executable end where process.Main would call a function.
const exitEnv = "ISTHMUS_BENCH_EXIT"

// nothing is what the processes of start rows do.
var nothing = process.Register("bench/nothing", func(context.Context, struct{}) error { return nil })

// startRows are processes that are started and waited for, one after another, by package process,
// and by os/exec itself. Both run this program, whose own start is a part of it.
func startRows() []row {
	if runtime.GOOS != "linux" {
		return nil
	}
	r := row{Workload: starting, Batch: 1, Procs: 1, spread: true, long: true}
	isthmus, exec := r, r
	isthmus.System, isthmus.attach = "process.Start", attachStart
	exec.System, exec.attach = "exec.Cmd", attachExec
	return []row{isthmus, exec}
}

func attachStart(row, inherited) (joiner, error) {
	return eachTime(func() error {
		p, err := process.Start(context.Background(), nothing, struct{}{}, nil)
		if err != nil {
			return err
		}
		return p.Wait()
	}), nil
}

func attachExec(row, inherited) (joiner, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	if err := os.Setenv(exitEnv, "1"); err != nil { // for those that this process starts
		return nil, err
	}
	return eachTime(func() error { return exec.Command(self).Run() }), nil
}

// eachTime joins a side whose operation is do.
func eachTime(do func() error) joiner {
	return func(int) (loop, error) {
		return func(_ uint64, n int) error {
			for range n {
				if err := do(); err != nil {
					return err
				}
			}
			return nil
		}, nil
	}
}
