package shmnet

import (
	"io"
	"net"
	"sync/atomic"
	"time"
)

// Addr is the address of both sides of a connection: the name that one listens at.
type Addr string

// Network returns "shm".
func (Addr) Network() string { return "shm" }

// String returns the name.
func (a Addr) String() string { return string(a) }

// Peer is the process at the other side, as the kernel knows it: the one that has dialled, or
// the one that began to listen. Of a Pipe, UID is -1, and PID is 0 as long as the other side has not
// come, or if it is not alive.
type Peer struct {
	PID int
	UID int
}

// Conn is one side of a connection. It is a [net.Conn]. All its methods may be called by several
// goroutines at the same time. Calls of Write do not mix their bytes.
//
// A Conn has to be closed. Nothing else frees it.
type Conn struct {
	in   receiver
	out  sender
	addr Addr
	who  func() Peer
	quit func() // what Close does last: it leaves, and ends what tells the peer of a death
	free func() // gives the memory back

	medium medium
	closed atomic.Bool  // Close was called
	users  atomic.Int64 // of the memory: operations, and 1 until Close
}

var _ interface {
	net.Conn
	io.ReaderFrom
	io.WriterTo
} = (*Conn)(nil)

// headSize is the room of the words of both streams, and of what lies beside them.
const headSize = 4096

// mapped returns the size of the memory of a connection.
func mapped(capacity uint64) int64 { return headSize + 2*int64(capacity) }

// The memory of a connection of Listen and Dial, of which the first stream is the dialler's to send:
//
//	beside                          the buffer of the second stream
//	capacity + beside               the words of the first stream, then of the second
//	capacity + beside + 2*wordsOf   the buffer of the first stream
//
// The first bytes of both streams lie in the page of the words: those of the second at the end of its
// buffer. So a connection that is used for little has one page, which is a fault in each process and a
// flush of one address at the end. On a virtual machine, these take longer than all else.
const beside = (headSize - 2*wordsOf) / 2

// lay returns where the streams of a connection are.
func lay(mem []byte) (first, second place) {
	capacity := (len(mem) - headSize) / 2
	head := mem[capacity+beside:]
	first = place{words: head[:wordsOf], buf: head[2*wordsOf:][:capacity]}
	second = place{words: head[wordsOf : 2*wordsOf], buf: mem[beside:][:capacity], start: uint64(capacity - beside)}
	return first, second
}

// newConn returns the side of a connection whose memory is given: the dialler's sends the first
// stream, and receives the second.
func newConn(mem []byte, dialler bool, addr Addr, peer Peer, free func()) *Conn {
	p := meet(peer.PID)
	c := &Conn{addr: addr, who: func() Peer { return peer }, free: func() { p.part(); free() }}
	c.medium.fence, c.medium.check = fence{}, unchanged
	c.medium.probe = func() {
		if p.ended.Load() {
			c.medium.gone.Store(true)
		}
	}
	out, in := lay(mem)
	if !dialler {
		out, in = in, out
	}
	c.over(out, in)
	return c
}

// over begins with the stream that it sends, and the one that it receives.
func (c *Conn) over(out, in place) {
	c.users.Store(1)
	newSender(&c.out, out, &c.medium)
	newReceiver(&c.in, in, &c.medium)
}

// enter keeps the memory until leave. It fails once the connection is closed.
func (c *Conn) enter() bool {
	for {
		n := c.users.Load()
		if n == 0 || c.closed.Load() {
			return false
		}
		if c.users.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

func (c *Conn) leave() {
	if c.users.Add(-1) == 0 {
		c.free()
	}
}

// lose is for when the peer is gone: all that it has stored can be seen.
func (c *Conn) lose() {
	if c.enter() {
		c.medium.gone.Store(true)
		wake(&c.in.data)
		wake(&c.out.room)
		c.leave()
	}
}

// Read reads up to len(p) bytes. It waits until there is one. It returns io.EOF when
// the peer has closed the connection, or its direction of it, and all was read; ECONNRESET when
// it has died, and all was read; and os.ErrDeadlineExceeded after the deadline.
func (c *Conn) Read(p []byte) (n int, err error) {
	if !c.enter() {
		return 0, c.fault("read", net.ErrClosed)
	}
	defer c.leave()
	if err := c.in.limit.enter(); err != nil {
		return 0, c.fault("read", err)
	}
	defer c.in.limit.leave()
	if len(p) == 0 {
		return 0, c.fault("read", c.in.limit.err())
	}
	if err := c.in.wait(); err != nil {
		return 0, c.fault("read", err)
	}
	for {
		k := copy(p[n:], c.in.bytes[:min(len(c.in.bytes), longest)])
		if err := c.in.release(k); err != nil {
			return n, c.fault("read", err)
		}
		n += k
		if n == len(p) || !c.in.look() || c.in.err != nil {
			return n, nil
		}
	}
}

// Write writes all of p. It waits until there is room for it. If it returns an error, n bytes were written
// before, and the peer may read them. The error is EPIPE if the peer has died, or has
// closed its side, or if CloseWrite was called; and os.ErrDeadlineExceeded after the
// deadline.
func (c *Conn) Write(p []byte) (n int, err error) {
	if !c.enter() {
		return 0, c.fault("write", net.ErrClosed)
	}
	defer c.leave()
	if err := c.out.limit.enter(); err != nil {
		return 0, c.fault("write", err)
	}
	defer c.out.limit.leave()
	if len(p) == 0 {
		return 0, c.fault("write", c.out.limit.err())
	}
	for n < len(p) {
		if err := c.out.wait(); err != nil {
			return n, c.fault("write", err)
		}
		k := copy(c.out.space[:min(len(c.out.space), longest)], p[n:])
		if err := c.out.send(k); err != nil {
			return n, c.fault("write", err)
		}
		n += k
	}
	return n, nil
}

// CloseWrite ends the direction from this side to the peer, which gets io.EOF when it has read
// what was written before. This side may go on to read. If the segment of a Pipe was closed before,
// CloseWrite and Close return an error that wraps [shm.ErrSegmentClosed], and the peer learns of a
// death instead.
func (c *Conn) CloseWrite() error {
	if !c.enter() {
		return c.fault("close", net.ErrClosed)
	}
	defer c.leave()
	c.out.limit.end(errBroken)
	c.out.end()
	return c.fault("close", c.medium.check())
}

// Close closes the connection. Pending operations return net.ErrClosed. What was
// written before can still be read by the peer.
func (c *Conn) Close() error {
	if c.closed.Swap(true) {
		return c.fault("close", net.ErrClosed)
	}
	c.in.limit.end(net.ErrClosed)
	c.out.limit.end(net.ErrClosed)
	c.out.end()
	c.in.end()
	err := c.medium.check()
	c.quit()
	return c.fault("close", err)
}

// drop closes a connection that nobody has used, as a death would: to the peer, Close would be an
// answer, from one who has read nothing.
func (c *Conn) drop() {
	if !c.closed.Swap(true) {
		c.quit()
	}
}

// String returns the name of the listener, or of the Pipe.
func (c *Conn) String() string { return c.addr.Network() + " " + c.addr.String() }

// LocalAddr returns the name of the listener, an [Addr].
func (c *Conn) LocalAddr() net.Addr { return c.addr }

// RemoteAddr returns the name of the listener, an [Addr].
func (c *Conn) RemoteAddr() net.Addr { return c.addr }

// Peer returns the process at the other side.
func (c *Conn) Peer() Peer { return c.who() }

// SetDeadline sets the deadlines of Read and of Write.
func (c *Conn) SetDeadline(t time.Time) error {
	return c.set(t, &c.in.limit, &c.out.limit)
}

// SetReadDeadline sets the deadline of pending and future calls of Read and WriteTo. The zero
// time means no deadline. A deadline may be set anew when it has passed.
func (c *Conn) SetReadDeadline(t time.Time) error { return c.set(t, &c.in.limit) }

// SetWriteDeadline sets the deadline of pending and future calls of Write and ReadFrom.
func (c *Conn) SetWriteDeadline(t time.Time) error { return c.set(t, &c.out.limit) }

func (c *Conn) set(t time.Time, limits ...*limit) error {
	if !c.enter() {
		return c.fault("set", net.ErrClosed)
	}
	defer c.leave()
	for _, l := range limits {
		l.set(t)
	}
	return nil
}

// fault wraps an error as package net does. io.EOF stays as it is.
func (c *Conn) fault(op string, err error) error {
	if err == nil || err == io.EOF {
		return err
	}
	return &net.OpError{Op: op, Net: c.addr.Network(), Source: c.addr, Addr: c.addr, Err: err}
}
