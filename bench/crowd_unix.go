//go:build unix

package main

import (
	"io"
	"os"
)

// sharedPipeRows are one pipe that all sides write and read. The kernel keeps
// a write of up to 4096 bytes in one piece, and readers take whole messages,
// since all that is ever in the pipe is.
func sharedPipeRows() []row {
	r := row{System: "pipe", wire: wireSharedPipe, attach: attachSharedPipe}
	return append(sharedRows(r), sharedSizeRows(r)...)
}

func wireSharedPipe(r row) (*wiring, error) {
	ends, err := newPipe()
	if err != nil {
		return nil, err
	}
	return &wiring{files: r.forAll(ends[0], ends[1])}, nil
}

func attachSharedPipe(r row, in inherited) (joiner, error) {
	from, to := in.files[0], in.files[1]
	return func(side int) (loop, error) {
		send, receive := sendNumbered(to, side, r.Size, r.Batch), receiveNumbered(from, r.Size, r.Batch)
		switch {
		case r.Mode == split && r.sends(side):
			return send, nil
		case r.Mode == split:
			return receive, nil
		}
		return func(seq uint64, n int) error {
			for end := seq + uint64(n); seq != end; seq += uint64(r.Batch) {
				if err := send(seq, r.Batch); err != nil {
					return err
				}
				if err := receive(seq, r.Batch); err != nil {
					return err
				}
			}
			return nil
		}, nil
	}, nil
}

func sendNumbered(out *os.File, side, size, batch int) loop {
	buf := make([]byte, size*batch)
	return func(seq uint64, n int) error {
		for end := seq + uint64(n); seq != end; {
			stampAll(buf, size, numbered(side, seq))
			seq += uint64(batch)
			if _, err := out.Write(buf); err != nil {
				return err
			}
		}
		return nil
	}
}

func receiveNumbered(in *os.File, size, batch int) loop {
	buf := make([]byte, size*batch)
	seen := new(arrivals)
	return func(_ uint64, n int) error {
		for ; n > 0; n -= batch {
			if _, err := io.ReadFull(in, buf); err != nil {
				return err
			}
			if m, ok := seen.takeAll(buf, size); !ok {
				return wrongArrival(m)
			}
		}
		return nil
	}
}
