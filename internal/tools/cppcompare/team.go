//go:build linux

package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"time"
)

// A team is the sides of one system at one row. Each is a process of its own.
type team struct {
	row    row
	system string
	sides  []*side
	ops    int     // of each side, in the last run
	perOp  float64 // nanoseconds that each took
}

type side struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
}

// sideArgs is how many arguments a side has.
const sideArgs = 5

// startTeam starts the sides of a system of C++, or of Isthmus if path is this
// program's. They end with ctx.
func startTeam(ctx context.Context, path string, r row, system string, share *os.File, cpus []int) (*team, error) {
	t := &team{row: r, system: system}
	until := "all"
	if r.first {
		until = "first"
	}
	for i := range r.sides {
		cmd := exec.CommandContext(ctx, path, r.name, system, strconv.Itoa(i), strconv.Itoa(r.sides), until)
		s, err := startSide(cmd, share, cpus[i])
		if err == nil {
			t.sides = append(t.sides, s)
			err = s.ready() // before the next side is started
		}
		if err != nil {
			t.stop()
			return nil, fmt.Errorf("%s, %s: side %d: %w", r.name, system, i, err)
		}
	}
	return t, nil
}

func startSide(cmd *exec.Cmd, share *os.File, cpu int) (*side, error) {
	cmd.Stderr = os.Stderr
	cmd.ExtraFiles = []*os.File{share}
	// A second P keeps the Go runtime from taking the only one away from a thread
	// that is in a system call.
	cmd.Env = append(os.Environ(), "GOMAXPROCS=2")
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := startPinned(cmd, cpu); err != nil {
		return nil, err
	}
	return &side{cmd, in, bufio.NewReader(out)}, nil
}

func (s *side) ready() error {
	line, err := s.out.ReadString('\n')
	if err == nil && line != "ready\n" {
		err = fmt.Errorf("says %q and not that it is ready", line)
	}
	return err
}

// stop ends the sides. A side whose input ends does.
func (t *team) stop() error {
	var errs []error
	for _, s := range t.sides {
		s.in.Close()
	}
	for _, s := range t.sides {
		errs = append(errs, s.cmd.Wait())
	}
	return errors.Join(errs...)
}

// run lets each side do n operations, and returns the cost of one.
func (t *team) run(n int) (float64, error) {
	reports := make([]report, len(t.sides))
	for _, s := range t.sides {
		fmt.Fprintln(s.in, n) // if the side has ended, so has its output
	}
	for i, s := range t.sides {
		line, err := s.out.ReadString('\n')
		if err == nil {
			reports[i], err = parseReport(line)
		}
		if err != nil {
			return 0, fmt.Errorf("%s, %s: side %d: %w", t.row.name, t.system, i, err)
		}
	}
	nanos, _ := elapsed(reports)
	t.ops, t.perOp = n, float64(nanos)/float64(n)
	return t.row.cost(reports)
}

// turn lets the sides work for about d. A run that was disturbed says little of how
// many operations that takes.
func (t *team) turn(d time.Duration) (float64, error) {
	n := int(float64(d) / t.perOp)
	return t.run(max(1, t.ops/2, min(n, 2*t.ops)))
}

// warmUp runs ever more operations until they take half of d.
func (t *team) warmUp(d time.Duration) error {
	for n := 16; ; n = min(16*n, int(float64(d)/t.perOp)+1) {
		if _, err := t.run(n); err != nil {
			return err
		}
		if t.perOp*float64(n) >= float64(d)/2 {
			return nil
		}
	}
}
