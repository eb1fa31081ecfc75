package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/isthmus-go/isthmus/internal/wait"
	"github.com/isthmus-go/isthmus/shm"
)

// wireSegment makes the segment in which the sides of r meet. It has no name
// where that can be; elsewhere it has one until the sides have attached.
func wireSegment(r row) (*wiring, error) {
	size := int64(1<<20 + 4*bufferSize)
	seg, err := shm.Anonymous(size, &shm.Options{Populate: true})
	if err == nil {
		files := []*os.File{seg.File()}
		return &wiring{files: [2][]*os.File{files, files}, release: func() { seg.Close() }}, nil
	}
	if !errors.Is(err, errors.ErrUnsupported) {
		return nil, err
	}
	name := fmt.Sprintf("bench-%d", os.Getpid())
	if seg, err = shm.Create(name, size, &shm.Options{Populate: true}); err != nil {
		return nil, err
	}
	return &wiring{segment: name, release: func() {
		seg.Close()
		shm.Remove(name, nil)
	}}, nil
}

// openSegment is wireSegment's other end, in a peer. It also sets how the
// peer waits: rows in mode park sleep at once.
func openSegment(r row, in inherited) (*shm.Segment, error) {
	wait.SetSpin(r.Mode != "park")
	if in.segment != "" {
		return shm.Open(in.segment, nil)
	}
	return shm.FromFile(in.files[0], nil)
}

// ringBytes is how many bytes of messages a stream's ring holds.
func ringBytes(size int) int { return knob("RC", bufferSize) }

func ringCapacity(size int) int { return ringBytes(size) / size }

// tripCapacity is that of the two rings of a round trip.
const tripCapacity = 64
