package main

import (
	"context"
	"io"
	"os"
	"os/exec"
)

// loadEnv makes this executable a process that only computes.
const loadEnv = "ISTHMUS_BENCH_LOAD"

// startLoad starts a process that computes without a pause, on whichever of
// cpus the scheduler chooses, until ctx ends or this process does.
func startLoad(ctx context.Context, cpus []int) (*exec.Cmd, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, self)
	cmd.Env = append(os.Environ(), loadEnv+"=1")
	// The pipe ends with this process, whatever that ends of.
	if _, err := cmd.StdinPipe(); err != nil {
		return nil, err
	}
	if err := startPinned(cmd, cpus); err != nil {
		return nil, err
	}
	return cmd, nil
}

// loadMain computes until its input ends.
func loadMain() int {
	go func() {
		io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	for x := uint64(1); ; x *= 0x9e3779b97f4a7c15 {
		if x == 0 { // never: an odd product stays odd
			return 1
		}
	}
}
