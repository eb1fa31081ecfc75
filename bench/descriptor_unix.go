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
// on loopback; and the pipe as a lock and a semaphore.
//
// Each is set up as one who knows it would. The descriptors block, as
// inherited ones do: a read then is one system call, where Go's poller
// would need three and a switch of goroutines. Buffers are as large as
// helps. Receivers of a stream read as much as there is, in one call.
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
		rows = append(rows, row{Workload: roundtrip, System: d.system, Mode: "default",
			Size: 8, Batch: 1, Procs: 2, wire: d.wire, attach: attachDescriptors})
		rows = append(rows, streamRows(row{System: d.system, wire: d.wire, attach: attachDescriptors}, streamBatches...)...)
	}
	for _, workload := range []string{lock, sem} {
		rows = append(rows, contendRows(row{Workload: workload, System: "pipe", wire: wireToken, attach: attachToken})...)
	}
	return rows
}

// kernelBuffer is asked for as the size of pipes and socket buffers.
const kernelBuffer = 1 << 20

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
	return &wiring{files: [2][]*os.File{{back[0], there[1]}, {there[0], back[1]}}}, nil
}

// newPipe returns the ends to read and to write.
func newPipe() ([2]*os.File, error) {
	in, out, err := os.Pipe()
	if err == nil {
		growPipe(out, knob("PB", kernelBuffer))
	}
	return [2]*os.File{in, out}, err
}

func wireUnix(row) (*wiring, error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	if err != nil {
		return nil, os.NewSyscallError("socketpair", err)
	}
	w := &wiring{}
	for side, fd := range fds {
		unix.CloseOnExec(fd)
		w.files[side] = []*os.File{os.NewFile(uintptr(fd), "socket")}
		for _, option := range []int{unix.SO_SNDBUF, unix.SO_RCVBUF} {
			if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, option, kernelBuffer); err != nil {
				w.close()
				return nil, os.NewSyscallError("setsockopt", err)
			}
		}
	}
	return w, nil
}

// wireTCP connects two sockets over loopback. Delays are off, as Go sets
// TCP_NODELAY by itself.
func wireTCP(row) (*wiring, error) {
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
	w := &wiring{}
	for side, c := range []net.Conn{dialed, accepted} {
		c := c.(*net.TCPConn)
		f, err := c.File()
		if err == nil {
			w.files[side] = []*os.File{f}
			err = errors.Join(c.SetReadBuffer(kernelBuffer), c.SetWriteBuffer(kernelBuffer))
			if knob("NAGLE", 0) == 1 {
				c.SetNoDelay(false)
			}
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
		case r.Workload == roundtrip && side == 0:
			return askDescriptor(from, to, r.Size), nil
		case r.Workload == roundtrip:
			return answerDescriptor(from, to, r.Size), nil
		case side == 0:
			return sendDescriptor(to, r.Size, r.Batch), nil
		default:
			return receiveDescriptor(from, r.Size), nil
		}
	}, nil
}

func askDescriptor(in, out *os.File, size int) loop {
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

func answerDescriptor(in, out *os.File, size int) loop {
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
func sendDescriptor(out *os.File, size, batch int) loop {
	buf := make([]byte, size*batch)
	return func(seq uint64, n int) error {
		for end := seq + uint64(n); seq != end; {
			for at := 0; at < len(buf); at += size {
				stamp(buf[at:at+size], seq)
				seq++
			}
			if _, err := out.Write(buf); err != nil {
				return err
			}
		}
		return nil
	}
}

// receiveDescriptor reads what there is, up to the kernel's buffer or one
// message, and takes the messages from it.
func receiveDescriptor(in *os.File, size int) loop {
	buf := make([]byte, max(min(knob("RB", 1<<30), max(readBuffer, size)), size))
	start, end := 0, 0 // what is read and not yet taken
	return func(seq uint64, n int) error {
		for last := seq + uint64(n); seq != last; seq++ {
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
			if !stamped(buf[start:start+size], seq) {
				return wrongMessage(seq)
			}
			start += size
		}
		return nil
	}
}

// readBuffer is what a receiver reads at most by one call.
const readBuffer = 1 << 20

// wireToken makes a pipe that holds one byte, as GNU make's jobserver does:
// who has read the byte has the lock, or the permit.
func wireToken(row) (*wiring, error) {
	in, out, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	files := []*os.File{in, out}
	w := &wiring{files: [2][]*os.File{files, files}}
	if _, err := out.Write([]byte{0}); err != nil {
		w.close()
		return nil, err
	}
	return w, nil
}

func attachToken(_ row, in inherited) (joiner, error) {
	from, to := in.files[0], in.files[1]
	return func(int) (loop, error) {
		token := make([]byte, 1)
		return func(_ uint64, n int) error {
			for range n {
				if _, err := from.Read(token); err != nil {
					return err
				}
				if _, err := to.Write(token); err != nil {
					return err
				}
			}
			return nil
		}, nil
	}, nil
}
