//go:build !linux

package main

import "os/exec"

// cpuPair returns nil: only on Linux are peers pinned.
func cpuPair() []int { return nil }

func startPinned(cmd *exec.Cmd, _ []int) error { return cmd.Start() }
