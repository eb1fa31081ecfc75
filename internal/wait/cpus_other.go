//go:build !linux

package wait

import "runtime"

func cpus() int { return runtime.NumCPU() }
