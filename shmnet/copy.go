package shmnet

import (
	"errors"
	"io"
	"net"
)

// tooMany is how often a Reader may return nothing at all.
const tooMany = 100

// WriteTo writes to w what it reads, from the shared memory itself, until the end of the
// stream. Other calls of Read wait for as long.
func (c *Conn) WriteTo(w io.Writer) (n int64, err error) {
	if !c.enter() {
		return 0, c.fault("read", net.ErrClosed)
	}
	defer c.leave()
	if err := c.in.limit.enter(); err != nil {
		return 0, c.fault("read", err)
	}
	defer c.in.limit.leave()
	for {
		switch err := c.in.wait(); {
		case err == io.EOF:
			return n, nil
		case err != nil:
			return n, c.fault("read", err)
		}
		k, err := w.Write(c.in.bytes)
		if k < 0 || k > len(c.in.bytes) {
			return n, errors.New("shmnet: invalid count from Write")
		}
		rerr := c.in.release(k)
		if rerr == nil || errors.Is(rerr, net.ErrClosed) { // w has them
			n += int64(k)
		}
		if rerr != nil {
			return n, c.fault("read", rerr)
		}
		if err == nil && k < len(c.in.bytes) {
			err = io.ErrShortWrite
		}
		if err != nil {
			return n, err
		}
	}
}

// ReadFrom writes what it reads from r, into the shared memory itself, until r returns io.EOF.
// Other calls of Write wait for as long.
func (c *Conn) ReadFrom(r io.Reader) (n int64, err error) {
	if !c.enter() {
		return 0, c.fault("write", net.ErrClosed)
	}
	defer c.leave()
	if err := c.out.limit.enter(); err != nil {
		return 0, c.fault("write", err)
	}
	defer c.out.limit.leave()
	for empty := 0; ; {
		if err := c.out.wait(); err != nil {
			return n, c.fault("write", err)
		}
		k, err := r.Read(c.out.space)
		if k < 0 || k > len(c.out.space) {
			return n, errors.New("shmnet: invalid count from Read")
		}
		if empty++; k > 0 {
			empty = 0
			if err := c.out.send(k); err != nil {
				return n, c.fault("write", err)
			}
			n += int64(k)
		}
		switch {
		case err == io.EOF:
			return n, nil
		case err != nil:
			return n, err
		case empty == tooMany:
			return n, io.ErrNoProgress
		}
	}
}
