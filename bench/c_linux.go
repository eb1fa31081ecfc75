//go:build linux && (amd64 || arm64)

package main

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"

	c "github.com/isthmus-go/isthmus/clients/c"
)

// cRows are a ring.SPSC whose sender is in C, by clients/c, if there is a gcc. Its receiver is
// that of the rows of ring.SPSC.
func cRows() []row {
	if _, err := exec.LookPath("gcc"); err != nil {
		return nil
	}
	r := row{Workload: stream, System: "C.SPSC", Batch: 1, Procs: 2, wire: wireSegment, attach: attachSPSCStream, foreign: cSender}
	var rows []row
	for _, r.Size = range []int{8, 64, 1 << 10} {
		rows = append(rows, r)
	}
	return rows
}

//go:embed c/sender.c
var cSource string

// cSender starts the sender of a row, which finds its segment in the first file it inherits.
func cSender(ctx context.Context, r row, side int, in inherited) (*exec.Cmd, error) {
	if side != 0 {
		return nil, nil
	}
	program, err := cProgram()
	if err != nil {
		return nil, err
	}
	path := fmt.Sprintf("/proc/%d/fd/%d", os.Getpid(), program.Fd())
	cmd := exec.CommandContext(ctx, path, "3", fmt.Sprintf("[%d]uint64", r.Size/8), fmt.Sprint(r.ringCapacity()))
	cmd.ExtraFiles = in.files
	return cmd, nil
}

// cProgram compiles the sender, and returns its file, which has no name any more.
var cProgram = sync.OnceValues(func() (_ *os.File, err error) {
	dir, err := os.MkdirTemp("", "isthmus-bench")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	source, program := filepath.Join(dir, "c.c"), filepath.Join(dir, "c")
	if err := errors.Join(
		os.WriteFile(filepath.Join(dir, "isthmus.h"), []byte(c.Header), 0o600),
		os.WriteFile(source, []byte(cSource), 0o600),
	); err != nil {
		return nil, err
	}
	if out, err := exec.Command("gcc", "-std=c11", "-O2", "-pthread", source, "-o", program).CombinedOutput(); err != nil {
		return nil, fmt.Errorf("gcc: %w\n%s", err, out)
	}
	return os.Open(program)
})
