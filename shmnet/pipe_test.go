package shmnet_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"runtime"
	"testing"

	"golang.org/x/net/nettest"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/internal/proctest/shared"
	"github.com/isthmus-go/isthmus/shm"
	"github.com/isthmus-go/isthmus/shmnet"
)

// TestPipe has both sides in one process.
func TestPipe(t *testing.T) {
	s := shared.Named(t)
	other := s.Another(t)
	pipes := 0
	nettest.TestConn(t, func() (c1, c2 net.Conn, stop func(), err error) {
		pipes++
		name := fmt.Sprint("pipe", pipes)
		side := func(s *shm.Segment) func() (net.Conn, error) {
			return func() (net.Conn, error) { return shmnet.Pipe(s, name, 16<<10) }
		}
		return connect(side(s.Segment), side(other))
	})
}

func connect(first, second func() (net.Conn, error)) (c1, c2 net.Conn, stop func(), err error) {
	if c1, err = first(); err != nil {
		return nil, nil, nil, err
	}
	if c2, err = second(); err != nil {
		c1.Close()
		return nil, nil, nil, err
	}
	return c1, c2, func() { c1.Close(); c2.Close() }, nil
}

var _ = proctest.Register("pipe echo", func(c *proctest.Child) {
	s := shared.Open(c)
	p := proctest.Must(shmnet.Pipe(s, "pipe", 4096))(c)
	if c.Arg(0) == "dies" {
		proctest.Must(p.Write([]byte("last words")))(c)
		c.Send("alive")
		select {}
	}
	proctest.Must(io.Copy(p, p))(c)
	c.Check(p.CloseWrite())
	c.Check(s.Close())
})

// TestPipeProcesses has the other side echo.
func TestPipeProcesses(t *testing.T) {
	s := shared.Named(t)
	a, err := shmnet.Pipe(s.Segment, "pipe", 4096)
	if err != nil {
		t.Fatal(err)
	}
	p := s.Start(t, "pipe echo", "echoes")
	sent := make([]byte, 1<<20)
	for i := range sent {
		sent[i] = byte(i ^ i>>8)
	}
	go func() {
		a.Write(sent)
		a.CloseWrite()
	}()
	if got, err := io.ReadAll(a); err != nil || !bytes.Equal(got, sent) {
		t.Errorf("%d bytes of %d came back, %v", len(got), len(sent), err)
	}
	p.Wait()
	if _, err := shmnet.Pipe(s.Segment, "pipe", 4096); !errors.Is(err, shmnet.ErrTaken) {
		t.Error("a third side:", err)
	}
	if _, err := shmnet.Pipe(s.Segment, "pipe", 8192); !errors.Is(err, shm.ErrMismatch) {
		t.Error("another buffer:", err)
	}
}

// TestPipeWakes has a writer that waits wait for just as much as wakes it, and for the end.
func TestPipeWakes(t *testing.T) {
	s := shared.Named(t)
	other := s.Another(t)
	a := proctest.Must(shmnet.Pipe(s.Segment, "pipe", 4096))(t)
	b := proctest.Must(shmnet.Pipe(other, "pipe", 4096))(t)
	errs := make(chan error)
	write := func(n int) {
		_, err := a.Write(make([]byte, n))
		errs <- err
	}
	go write(4097)
	await(a.WriterSleeps)
	for n := range 1024 {
		if _, err := io.ReadFull(b, make([]byte, 1)); err != nil {
			t.Fatal(n, err)
		}
	}
	if err := <-errs; err != nil {
		t.Error(err)
	}
	go write(4097)
	await(a.WriterSleeps)
	if err := b.Close(); err != nil {
		t.Error(err)
	}
	if err := <-errs; err == nil {
		t.Error("written to the closed")
	}
	if err := a.Close(); err != nil {
		t.Error(err)
	}
}

// TestPipeReaderWakes has a reader that waits be woken by a byte, and by each end.
func TestPipeReaderWakes(t *testing.T) {
	s := shared.Named(t)
	other := s.Another(t)
	for i, end := range []func(c *shmnet.Conn) error{(*shmnet.Conn).CloseWrite, (*shmnet.Conn).Close} {
		name := fmt.Sprint("pipe", i)
		a := proctest.Must(shmnet.Pipe(s.Segment, name, 4096))(t)
		b := proctest.Must(shmnet.Pipe(other, name, 4096))(t)
		errs := make(chan error)
		read := func() {
			_, err := a.Read(make([]byte, 1))
			errs <- err
		}
		go read()
		await(a.ReaderSleeps)
		if _, err := b.Write([]byte{1}); err != nil {
			t.Error(err)
		}
		if err := <-errs; err != nil {
			t.Error(err)
		}
		go read()
		await(a.ReaderSleeps)
		if err := end(b); err != nil {
			t.Error(err)
		}
		if err := <-errs; err != io.EOF {
			t.Error(err)
		}
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	}
}

// await waits for what another goroutine does.
func await(done func() bool) {
	for !done() {
		runtime.Gosched()
	}
}

// TestPipeDeath kills the other side.
func TestPipeDeath(t *testing.T) {
	proctest.Mortal(t)
	s := shared.Named(t)
	a, err := shmnet.Pipe(s.Segment, "pipe", 4096)
	if err != nil {
		t.Fatal(err)
	}
	p := s.Start(t, "pipe echo", "dies")
	p.Expect("alive")
	if a.Peer().PID == 0 {
		t.Error("no peer")
	}
	p.Kill()
	if got, err := io.ReadAll(a); err == nil || string(got) != "last words" {
		t.Errorf("%q, %v", got, err)
	} else {
		var op *net.OpError
		if !errors.As(err, &op) || op.Timeout() || errors.Is(err, shmnet.ErrCorrupt) {
			t.Error(err)
		}
	}
	if n, err := a.Write(make([]byte, 10_000)); err == nil {
		t.Errorf("%d bytes were written to the dead", n)
	}
}

// TestPipeSegmentClosed closes the segment under operations that wait.
func TestPipeSegmentClosed(t *testing.T) {
	proctest.Mortal(t)
	for range 20 {
		s, err := shm.Anonymous(1<<20, nil)
		if errors.Is(err, errors.ErrUnsupported) {
			t.Skip(err)
		}
		if err != nil {
			t.Fatal(err)
		}
		a, err := shmnet.Pipe(s, "pipe", 0)
		if err != nil {
			t.Fatal(err)
		}
		errs := make(chan error)
		go func() {
			_, err := a.Read(make([]byte, 1))
			errs <- err
		}()
		go func() {
			for {
				if _, err := a.Write(make([]byte, 1000)); err != nil {
					errs <- err
					return
				}
			}
		}()
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		for range 2 {
			if err := <-errs; !errors.Is(err, shm.ErrSegmentClosed) {
				t.Error(err)
			}
		}
		if err := a.Close(); !errors.Is(err, shm.ErrSegmentClosed) {
			t.Error(err)
		}
		if _, err := shmnet.Pipe(s, "other", 0); !errors.Is(err, shm.ErrSegmentClosed) {
			t.Error(err)
		}
	}
}

// TestPipeSegmentClosedBusy closes the segment under operations that go on and on: the last one
// fails because of that, and for no other reason.
func TestPipeSegmentClosedBusy(t *testing.T) {
	proctest.Mortal(t)
	whole := shared.Named(t)
	for i := range 30 {
		mine, name := shared.Open(t), fmt.Sprint("pipe", i)
		a := proctest.Must(shmnet.Pipe(mine, name, 4096))(t)
		b := proctest.Must(shmnet.Pipe(whole.Segment, name, 4096))(t)
		errs, some := make(chan error), make(chan bool, 1)
		go io.Copy(struct{ io.Writer }{b}, struct{ io.Reader }{b})
		repeat := func(op func(p []byte) (int, error)) {
			for p := make([]byte, 10); ; {
				if _, err := op(p); err != nil {
					errs <- err
					return
				}
				select {
				case some <- true:
				default:
				}
			}
		}
		go repeat(a.Write)
		go repeat(a.Read)
		<-some
		if err := mine.Close(); err != nil {
			t.Error(err)
		}
		for range 2 {
			if err := <-errs; !errors.Is(err, shm.ErrSegmentClosed) {
				t.Error(err)
			}
		}
		a.Close()
		b.Close()
	}
}

type readFunc func(p []byte) (int, error)

func (f readFunc) Read(p []byte) (int, error) { return f(p) }

type writeFunc func(p []byte) (int, error)

func (f writeFunc) Write(p []byte) (int, error) { return f(p) }

// TestPipeSegmentClosedInside closes the segment between the look and the step of an operation,
// of the first bytes and of later ones: nothing counts as sent, or as received.
func TestPipeSegmentClosedInside(t *testing.T) {
	for _, before := range []int{0, 5} {
		for name, operation := range map[string]func(a *shmnet.Conn, s *shm.Segment) (int64, error){
			"send": func(a *shmnet.Conn, s *shm.Segment) (int64, error) {
				return a.ReadFrom(readFunc(func(p []byte) (int, error) { return 1, s.Close() }))
			},
			"receive": func(a *shmnet.Conn, s *shm.Segment) (int64, error) {
				return a.WriteTo(writeFunc(func(p []byte) (int, error) { return len(p), s.Close() }))
			},
		} {
			t.Run(fmt.Sprint(name, before), func(t *testing.T) {
				whole := shared.Named(t)
				mine := shared.Open(t)
				a := proctest.Must(shmnet.Pipe(mine, "pipe", 4096))(t)
				b := proctest.Must(shmnet.Pipe(whole.Segment, "pipe", 4096))(t)
				proctest.Must(a.Write(make([]byte, before)))(t)
				proctest.Must(b.Write(make([]byte, before+1)))(t)
				proctest.Must(io.ReadFull(a, make([]byte, before)))(t)
				if n, err := operation(a, mine); n != 0 || !errors.Is(err, shm.ErrSegmentClosed) {
					t.Errorf("%d bytes, %v", n, err)
				}
				a.Close()
				b.Close()
			})
		}
	}
}
