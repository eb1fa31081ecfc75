//go:build unix

package main

import "github.com/isthmus-go/isthmus/shmnet"

// connRows are shmnet.Conn, beside the kernel's byte streams: the same loops, and buffers of
// the same size.
func connRows() []row {
	r := row{System: "shmnet.Conn", wire: wireSegment, attach: attachConn}
	return append(defaultTripRows(r), streamRows(r, streamBatches...)...)
}

func attachConn(r row, in inherited) (joiner, error) {
	seg, err := openSegment(r, in)
	if err != nil {
		return nil, err
	}
	return func(side int) (loop, error) {
		c, err := shmnet.Pipe(seg, "conn", bufferSize) // here, since a test may play both sides
		if err != nil {
			return nil, err
		}
		switch {
		case r.trips() && side == 0:
			return askDescriptor(c, c, r.Size), nil
		case r.trips():
			return answerDescriptor(c, c, r.Size), nil
		case side == 0:
			return sendDescriptor(c, r.Size, r.Batch), nil
		case r.Batch == 1:
			return receiveDescriptor(c, r.Size, make([]byte, r.Size)), nil
		default:
			return receiveDescriptor(c, r.Size, make([]byte, bufferSize)), nil
		}
	}, nil
}
