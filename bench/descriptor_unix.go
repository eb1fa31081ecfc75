//go:build unix

package main

import (
	"errors"
	"io"
	"net"
	"os"

	"golang.org/x/sys/unix"
)

// descriptorRows are the byte streams of the kernel: pipe, Unix socket, TCP
// on loopback. Each is set up as one who knows it would, for each row:
//
//   - The descriptors block, as inherited ones do. A read is then one system
//     call, where Go's poller would need up to three, and a switch of goroutines.
//   - Buffers are of bufferSize bytes, which no other system exceeds.
//   - A batch is one write, and its receiver reads all there is. One by one,
//     it reads one message at a time: that makes more of them a second, since
//     a receiver that has read all there is goes to sleep and must be woken.
//   - TCP_NODELAY stays on, as Go sets it: what is sent one by one must go out
//     one by one, in every system alike.
func descriptorRows() []row {
	var rows []row
	for _, d := range []struct {
		system string
		wire   func(row) (*wiring, error)
	}{
		{"pipe", wirePipe},
		{"unix", wireUnix},
		{"tcp", wireTCP},
	} {
		r := row{System: d.system, wire: d.wire, attach: attachDescriptors}
		rows = append(rows, defaultTripRows(r)...)
		rows = append(rows, streamRows(r, streamBatches...)...)
	}
	return rows
}

// wirePipe makes a pipe each way. A side's files are what it reads and what
// it writes.
func wirePipe(row) (*wiring, error) {
	there, err := newPipe()
	if err != nil {
		return nil, err
	}
	back, err := newPipe()
	if err != nil {
		return nil, errors.Join(err, there[0].Close(), there[1].Close())
	}
	return &wiring{files: [][]*os.File{{back[0], there[1]}, {there[0], back[1]}}}, nil
}

func wireUnix(r row) (*wiring, error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	if err != nil {
		return nil, os.NewSyscallError("socketpair", err)
	}
	w := &wiring{files: r.forAll()}
	for side, fd := range fds {
		unix.CloseOnExec(fd)
		w.files[side] = []*os.File{os.NewFile(uintptr(fd), "socket")}
		for _, option := range []int{unix.SO_SNDBUF, unix.SO_RCVBUF} {
			if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, option, bufferSize); err != nil {
				w.close()
				return nil, os.NewSyscallError("setsockopt", err)
			}
		}
	}
	return w, nil
}

// wireTCP connects two sockets over loopback.
func wireTCP(r row) (*wiring, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	defer l.Close()
	dialed, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		return nil, err
	}
	defer dialed.Close()
	accepted, err := l.Accept()
	if err != nil {
		return nil, err
	}
	defer accepted.Close()
	w := &wiring{files: r.forAll()}
	for side, c := range []net.Conn{dialed, accepted} {
		c := c.(*net.TCPConn)
		f, err := c.File()
		if err == nil {
			w.files[side] = []*os.File{f}
			err = errors.Join(c.SetReadBuffer(bufferSize), c.SetWriteBuffer(bufferSize))
		}
		if err != nil {
			w.close()
			return nil, err
		}
	}
	return w, nil
}

// attachDescriptors returns the loops of a row on one descriptor that is
// read and written, or on one for each.
func attachDescriptors(r row, in inherited) (joiner, error) {
	from, to := in.files[0], in.files[len(in.files)-1]
	return func(side int) (loop, error) {
		switch {
		case r.trips() && side == 0:
			return askDescriptor(from, to, r.Size), nil
		case r.trips():
			return answerDescriptor(from, to, r.Size), nil
		case side == 0:
			return sendDescriptor(to, r.Size, r.Batch), nil
		case r.Batch == 1:
			return receiveDescriptor(from, r.Size, make([]byte, r.Size)), nil
		default:
			return receiveDescriptor(from, r.Size, make([]byte, bufferSize)), nil
		}
	}, nil
}

func askDescriptor(in io.Reader, out io.Writer, size int) loop {
	msg := make([]byte, size)
	return func(seq uint64, n int) error {
		for end := seq + uint64(n); seq != end; seq++ {
			stamp(msg, seq)
			if _, err := out.Write(msg); err != nil {
				return err
			}
			if _, err := io.ReadFull(in, msg); err != nil {
				return err
			}
			if !stamped(msg, seq) {
				return wrongMessage(seq)
			}
		}
		return nil
	}
}

func answerDescriptor(in io.Reader, out io.Writer, size int) loop {
	msg := make([]byte, size)
	return func(seq uint64, n int) error {
		for end := seq + uint64(n); seq != end; seq++ {
			if _, err := io.ReadFull(in, msg); err != nil {
				return err
			}
			if !stamped(msg, seq) {
				return wrongMessage(seq)
			}
			if _, err := out.Write(msg); err != nil {
				return err
			}
		}
		return nil
	}
}

// sendDescriptor writes batch messages by one call.
func sendDescriptor(out io.Writer, size, batch int) loop {
	buf := make([]byte, size*batch)
	return func(seq uint64, n int) error {
		for end := seq + uint64(n); seq != end; {
			stampAll(buf, size, seq)
			seq += uint64(batch)
			if _, err := out.Write(buf); err != nil {
				return err
			}
		}
		return nil
	}
}

// receiveDescriptor reads up to len(buf) bytes by one call, and takes the
// messages from them.
func receiveDescriptor(in io.Reader, size int, buf []byte) loop {
	start, end := 0, 0 // what is read and not yet taken
	return func(seq uint64, n int) error {
		for last := seq + uint64(n); seq != last; {
			for end-start < size {
				if start > 0 {
					end = copy(buf, buf[start:end])
					start = 0
				}
				k, err := in.Read(buf[end:])
				if err != nil {
					return err
				}
				end += k
			}
			k := min(uint64((end-start)/size), last-seq)
			msgs := buf[start : start+int(k)*size]
			if !stampedAll(msgs, size, seq) {
				return wrongMessage(seq)
			}
			start += len(msgs)
			seq += k
		}
		return nil
	}
}
