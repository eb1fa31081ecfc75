//go:build linux

package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// machine says when and where figures were measured.
func machine(ctx context.Context) string {
	var system unix.Utsname
	if err := unix.Uname(&system); err != nil {
		return err.Error()
	}
	info, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return err.Error()
	}
	compiler, err := exec.CommandContext(ctx, "g++", "-dumpfullversion").Output()
	if err != nil {
		return err.Error()
	}
	return fmt.Sprintf("%s, %s, Linux %s, %s, g++ %s", time.Now().Format(time.DateOnly), parseCPU(string(info)),
		unix.ByteSliceToString(system.Release[:]), runtime.Version(), bytes.TrimSpace(compiler))
}

// parseCPU returns what /proc/cpuinfo says of the first CPU.
func parseCPU(info string) string {
	fields := map[string]string{}
	for line := range strings.Lines(info) {
		key, value, ok := strings.Cut(line, ":")
		if !ok {
			break // the end of the first CPU
		}
		fields[strings.TrimSpace(key)] = strings.TrimSpace(value)
	}
	if fields["model name"] == "" { // not on this architecture
		return runtime.GOARCH
	}
	return fmt.Sprintf("%s (family %s model %s)", fields["model name"], fields["cpu family"], fields["model"])
}
