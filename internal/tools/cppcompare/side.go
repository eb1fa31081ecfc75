//go:build linux

package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"runtime"
	"strconv"
	"time"

	"github.com/isthmus-go/isthmus/shm"
)

// serve is one side of Isthmus, as cpp/side.cpp is one of a C++ system. Its segment
// is in the file of descriptor 3. Each command is a number of operations, and the
// answer is how many were done, and in how many nanoseconds.
func serve(args []string, in io.Reader, out io.Writer) error {
	if len(args) != sideArgs {
		return fmt.Errorf("a side has %d arguments", sideArgs)
	}
	r, ok := findRow(args[0])
	if !ok {
		return fmt.Errorf("no row %q", args[0])
	}
	side, err := strconv.Atoi(args[2])
	if err != nil {
		return err
	}
	seg, err := shm.FromFile(os.NewFile(3, "segment"), nil)
	if err != nil {
		return err
	}
	defer seg.Close()
	run, err := r.attach(seg, side)
	if err != nil {
		return err
	}
	meet, err := newMeeting(seg)
	if err != nil {
		return err
	}
	fmt.Fprintln(out, "ready")
	seq := uint64(0)
	lines := bufio.NewScanner(in)
	for command := uint64(1); lines.Scan(); command++ {
		n, err := strconv.Atoi(lines.Text())
		if err != nil {
			return err
		}
		meet.wait(command * uint64(r.sides))
		start := time.Now()
		done, err := meet.run(r, run, seq, n, command)
		if err != nil {
			return err
		}
		took := time.Since(start)
		seq += uint64(done)
		fmt.Fprintln(out, done, took.Nanoseconds())
	}
	return lines.Err()
}

// A meeting lets the sides start together, and stop together.
type meeting struct {
	arrived  *shm.Value[uint64] // each side adds 1 for each command
	finished *shm.Value[uint64] // the last command that a side has finished
}

func newMeeting(seg *shm.Segment) (m meeting, err error) {
	if m.arrived, err = shm.NewValue[uint64](seg, "arrived"); err != nil {
		return m, err
	}
	m.finished, err = shm.NewValue[uint64](seg, "finished")
	return m, err
}

func (m meeting) wait(all uint64) {
	shm.Add(m.arrived, 1)
	for looks := 0; m.arrived.Load() < all; looks++ {
		if looks < 1000 {
			runtime.Gosched()
		} else {
			time.Sleep(10 * time.Microsecond)
		}
	}
}

// stride is how many operations a contending side does between two looks whether the
// other has finished.
const stride = 64

// run does n operations, or fewer if the row ends with the first side.
func (m meeting) run(r row, run loop, seq uint64, n int, command uint64) (done int, err error) {
	if !r.first {
		return n, run(seq, n)
	}
	for done < n && m.finished.Load() < command {
		if err := run(seq+uint64(done), stride); err != nil {
			return done, err
		}
		done += stride
	}
	m.finished.Store(command)
	return done, nil
}
