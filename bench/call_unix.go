//go:build unix

package main

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"runtime"
	"sync"
	"syscall"
	"time"

	"github.com/isthmus-go/isthmus/shmnet"
)

// callRows are questions and answers over connections of a listener: as they are, and by the
// protocols that programs speak over them.
func callRows() []row {
	if runtime.GOOS != "linux" {
		return nil
	}
	var rows []row
	for _, x := range []struct {
		mode        string
		size, batch int
	}{
		{"connect", 1, 1}, {"echo", 8, 1}, {"echo", 64 << 10, 1}, {"echo", 8, 64}, {"echo", 64 << 10, 64},
		{"thousand", 8, 1}, {"rpc", 8, 1}, {"rpc", 8, 64}, {"http", 8, 1}, {"http", 8, 64}, {"grpc", 8, 1}, {"grpc", 8, 64},
	} {
		r := row{Workload: call, Mode: x.mode, Size: x.size, Batch: x.batch, Procs: 2, wire: wireCall, attach: attachCall}
		r.long = x.mode == "echo" || x.mode == "thousand" || x.batch > 1
		for _, r.System = range []string{"shmnet.Conn", "unix", "tcp"} {
			rows = append(rows, r)
		}
	}
	return rows
}

// wireCall chooses a name. A port of TCP has to be free: the kernel chooses it, and its listener
// is inherited.
func wireCall(r row) (*wiring, error) {
	switch r.System {
	case "shmnet.Conn":
		return &wiring{files: r.forAll(), segment: uniqueName()}, nil
	case "unix":
		return &wiring{files: r.forAll(), segment: "@isthmus-" + uniqueName()}, nil
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	defer l.Close()
	f, err := l.(*net.TCPListener).File()
	if err != nil {
		return nil, err
	}
	return &wiring{files: r.forAll(f), segment: l.Addr().String()}, nil
}

func (r row) listen(in inherited) (net.Listener, error) {
	switch r.System {
	case "shmnet.Conn":
		return shmnet.Listen(in.segment, nil)
	case "unix":
		return net.Listen("unix", in.segment)
	}
	return net.FileListener(in.files[0])
}

// dialer returns what connects to the other side.
func (r row) dialer(in inherited) func(ctx context.Context) (net.Conn, error) {
	var d net.Dialer
	switch r.System {
	case "shmnet.Conn":
		return func(ctx context.Context) (net.Conn, error) { return shmnet.Dial(ctx, in.segment) }
	default:
		return func(ctx context.Context) (net.Conn, error) { return d.DialContext(ctx, r.System, in.segment) }
	}
}

// attachCall serves, or makes the loop of whoever calls. The side that serves has nothing else
// to do.
func attachCall(r row, in inherited) (joiner, error) {
	serve, client := serveEcho, newEchoes
	switch r.Mode {
	case "connect":
		client = newConnects
	case "rpc":
		serve, client = serveRPC, newRPC
	case "http":
		serve, client = serveHTTP, newHTTP
	case "grpc":
		serve, client = serveGRPC, newGRPC
	}
	return func(side int) (loop, error) {
		if side == 1 {
			l, err := r.listen(in)
			if err != nil {
				return nil, err
			}
			go serve(l)
			return func(uint64, int) error { return nil }, nil
		}
		dial := r.dialer(in)
		if err := present(dial); err != nil {
			return nil, err
		}
		return client(r, dial)
	}, nil
}

// dial connects to the side that serves.
type dial = func(ctx context.Context) (net.Conn, error)

// present waits until somebody listens.
func present(dial dial) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	for {
		c, err := dial(ctx)
		if err == nil {
			return c.Close()
		}
		if !errors.Is(err, syscall.ECONNREFUSED) {
			return err
		}
		time.Sleep(time.Millisecond)
	}
}

// serveEcho sends back what comes, by the buffer of the longest message.
func serveEcho(l net.Listener) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			defer c.Close()
			buf := make([]byte, 64<<10)
			for {
				n, err := c.Read(buf)
				if err != nil {
					return
				}
				if _, err := c.Write(buf[:n]); err != nil {
					return
				}
			}
		}()
	}
}

// each makes a loop of r.Batch callers that each do their part of the operations at the same time.
func (r row) each(do func(caller, n int) error) loop {
	return func(_ uint64, n int) error {
		if r.Batch == 1 {
			return do(0, n)
		}
		errs := make([]error, r.Batch)
		var all sync.WaitGroup
		for i := range errs {
			all.Go(func() { errs[i] = do(i, n/r.Batch) })
		}
		all.Wait()
		return errors.Join(errs...)
	}
}

// newEchoes has a connection for each caller. In mode thousand, the only one takes another of
// a thousand each time, at random. All of them were used before.
func newEchoes(r row, dial dial) (loop, error) {
	conns := make([]net.Conn, r.Batch)
	if r.Mode == "thousand" {
		conns = make([]net.Conn, 1000)
	}
	var err error
	for i := range conns {
		if conns[i], err = dial(context.Background()); err != nil {
			return nil, err
		}
	}
	msgs := make([][]byte, r.Batch)
	for i := range msgs {
		msgs[i] = make([]byte, r.Size)
	}
	for _, c := range conns {
		if err := echo(c, msgs[0]); err != nil {
			return nil, err
		}
	}
	return r.each(func(caller, n int) error {
		c, msg := conns[caller], msgs[caller]
		for range n {
			if r.Mode == "thousand" {
				c = conns[rand.IntN(len(conns))]
			}
			if err := echo(c, msg); err != nil {
				return err
			}
		}
		return nil
	}), nil
}

// echo sends a message and takes it back.
func echo(c net.Conn, msg []byte) error {
	stamp(msg, uint64(len(msg)))
	if _, err := c.Write(msg); err != nil {
		return err
	}
	if _, err := io.ReadFull(c, msg); err != nil {
		return err
	}
	if !stamped(msg, uint64(len(msg))) {
		return errors.New("another message came back")
	}
	return nil
}

// newConnects connects, has a byte come back, and closes.
func newConnects(r row, dial dial) (loop, error) {
	return r.each(func(_, n int) error {
		b := make([]byte, 1)
		for range n {
			c, err := dial(context.Background())
			if err != nil {
				return err
			}
			if _, err := c.Write(b); err != nil {
				return err
			}
			if _, err := io.ReadFull(c, b); err != nil {
				return err
			}
			if err := c.Close(); err != nil {
				return err
			}
		}
		return nil
	}), nil
}
