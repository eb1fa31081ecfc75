package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strconv"
)

// isPeer reports whether this process was started as a peer.
func isPeer() bool { return os.Getenv(peerRowEnv) != "" || os.Getenv(loadEnv) != "" }

// peerMain is the whole life of a peer; it returns the exit code.
func peerMain() int {
	// The coordinator gets the same Ctrl-C and ends its peers in order.
	signal.Ignore(os.Interrupt)

	if os.Getenv(loadEnv) != "" {
		return loadMain()
	}
	out := json.NewEncoder(os.Stdout)
	drivers, err := attachPeer()
	if err := out.Encode(newReport(nil, err)); err != nil {
		return 1
	}
	if err != nil {
		return 1
	}
	commands := make(chan command)
	go readCommands(os.Stdin, commands)
	for c := range commands {
		sides, err := runSides(drivers, c)
		if err := out.Encode(newReport(sides, err)); err != nil || len(sides) == 0 {
			return 1
		}
	}
	return 0
}

// readCommands ends the process when the coordinator has gone, even while
// a loop waits for a message that will never come.
func readCommands(r io.Reader, commands chan<- command) {
	in := json.NewDecoder(bufio.NewReader(r))
	for {
		var c command
		if err := in.Decode(&c); err != nil {
			if errors.Is(err, io.EOF) {
				os.Exit(0)
			}
			os.Exit(1)
		}
		commands <- c
	}
}

func newReport(sides []sideReport, err error) report {
	r := report{Sides: sides}
	if err != nil {
		r.Err = err.Error()
	}
	return r
}

// attachPeer builds the drivers of the sides that the environment names.
func attachPeer() ([]*driver, error) {
	r, ok := findRow(os.Getenv(peerRowEnv))
	if !ok {
		return nil, fmt.Errorf("no row %q", os.Getenv(peerRowEnv))
	}
	var first, last int
	if _, err := fmt.Sscan(os.Getenv(peerSidesEnv), &first, &last); err != nil {
		return nil, fmt.Errorf("%s: %w", peerSidesEnv, err)
	}
	count, err := strconv.Atoi(os.Getenv(peerFilesEnv))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", peerFilesEnv, err)
	}
	files := make([]*os.File, count)
	for i := range files {
		files[i] = os.NewFile(uintptr(3+i), fmt.Sprintf("inherited %d", 3+i))
	}
	meet, files, err := attachMeeting(r, files)
	if err != nil {
		return nil, err
	}
	join, err := r.attach(r, inherited{files: files, segment: os.Getenv(peerSegmentEnv)})
	if err != nil {
		return nil, err
	}
	var drivers []*driver
	for side := first; side <= last; side++ {
		loop, err := join(side)
		if err != nil {
			return nil, err
		}
		drivers = append(drivers, &driver{row: r, side: side, loop: loop, meet: meet})
	}
	return drivers, nil
}

// attachMeeting returns the meeting of a contended row, whose shared file
// comes last, and the files that are left for the row itself.
func attachMeeting(r row, files []*os.File) (*meeting, []*os.File, error) {
	switch {
	case !r.contended():
		return nil, files, nil
	case r.inProcess:
		return newMeeting(nil), files, nil
	case len(files) == 0:
		return nil, nil, errors.New("a contended row needs a shared file")
	}
	last := len(files) - 1
	mem, err := mapShared(files[last])
	if err != nil {
		return nil, nil, err
	}
	return newMeeting(mem), files[:last], nil
}

// runSides runs one command on every side of this process at once.
func runSides(drivers []*driver, c command) ([]sideReport, error) {
	sides := make([]sideReport, len(drivers))
	errs := make(chan error, len(drivers))
	for i, d := range drivers {
		go func() {
			var err error
			sides[i], err = d.run(c)
			errs <- err
		}()
	}
	for range drivers {
		if err := <-errs; err != nil {
			return nil, err
		}
	}
	return sides, nil
}
