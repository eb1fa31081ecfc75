package main

import (
	"errors"
	"fmt"
	"os"
	"sync/atomic"

	"github.com/isthmus-go/isthmus/bench/park"
	"github.com/isthmus-go/isthmus/shm"
)

// segmentSize is the room in a segment: for one ring of messages or two, with
// what the rings add to them.
func (r row) segmentSize() int64 {
	return int64(max(4*bufferSize, bufferSize+r.ringCapacity()*(r.Size+8)*3/2))
}

// wireSegment makes the segment in which the sides of a row meet. It has no
// name where that can be.
func wireSegment(r row) (*wiring, error) {
	seg, err := shm.Anonymous(r.segmentSize(), &shm.Options{Populate: true})
	if errors.Is(err, errors.ErrUnsupported) {
		return wireNamedSegment(r)
	}
	if err != nil {
		return nil, err
	}
	return &wiring{files: r.forAll(seg.File()), release: func() { seg.Close() }}, nil
}

var names atomic.Int64

// uniqueName returns a name that nothing else on this machine has.
func uniqueName() string { return fmt.Sprintf("bench-%d-%d", os.Getpid(), names.Add(1)) }

// wireNamedSegment makes a segment whose name goes when the sides have attached.
func wireNamedSegment(r row) (*wiring, error) {
	name := uniqueName()
	seg, err := shm.Create(name, r.segmentSize(), &shm.Options{Populate: true})
	if err != nil {
		return nil, err
	}
	return &wiring{files: r.forAll(), segment: name, release: func() {
		seg.Close()
		shm.Remove(name, nil)
	}}, nil
}

// openSegment is the other end of both, in a peer. It also sets how the
// peer waits: rows in mode park sleep at once.
func openSegment(r row, in inherited) (*shm.Segment, error) {
	park.Set(r.Mode == "park")
	if in.segment != "" {
		return shm.Open(in.segment, nil)
	}
	return shm.FromFile(in.files[0], nil)
}

// ringCapacity is how many messages a stream's ring holds: as many as fit in
// a quarter of a pipe, which is faster than a whole, but 16 if those fit in a
// pipe. Of the largest messages it holds 4, more than a pipe can hold: the pipe
// takes parts of messages, and a ring none.
func (r row) ringCapacity() int {
	if r.slots > 0 {
		return r.slots
	}
	size := max(r.Size, 1)
	return max(bufferSize/4/size, min(16, bufferSize/size), 4)
}

// chunkedCapacity is that of a BytesMPMC with room for so many messages, in bytes.
func (r row) chunkedCapacity() int { return max(r.Size, lineSize) * r.ringCapacity() }

// tripCapacity is that of the two rings of a round trip.
const tripCapacity = 64
