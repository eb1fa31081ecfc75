package shmnet_test

import (
	"errors"
	"net"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/shmnet"
)

// lingering returns a descriptor of a socket that takes an hour to close, until end is called.
func lingering(t *testing.T) (fd int, end func()) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	defer l.Close()
	c, err := net.Dial("tcp", l.Addr().String())
	check(t, err)
	other, err := l.Accept()
	check(t, err)
	check(t, c.SetWriteDeadline(time.Now().Add(100*time.Millisecond)))
	for err == nil { // until both buffers are full
		_, err = c.Write(make([]byte, 1<<20))
	}
	check(t, c.(*net.TCPConn).SetLinger(3600))
	raw, err := c.(*net.TCPConn).SyscallConn()
	check(t, err)
	check(t, raw.Control(func(f uintptr) { fd, err = unix.Dup(int(f)) }))
	check(t, err)
	check(t, c.Close()) // not the last descriptor
	return fd, func() {
		other.(*net.TCPConn).SetLinger(0)
		other.Close()
	}
}

// soon fails the test if f does not return.
func soon(t *testing.T, what string, f func()) {
	t.Helper()
	done := make(chan struct{})
	go func() { f(); close(done) }()
	select {
	case <-done:
	case <-time.After(proctest.Timeout() / 20):
		t.Error(what, "does not return")
	}
}

// TestLingeringHello sends a file that takes an hour to close. Nobody waits for that.
func TestLingeringHello(t *testing.T) {
	name := newName()
	l := listen(t, name)
	at, err := shmnet.SocketAddr(name)
	check(t, err)
	s, err := net.DialUnix("unix", nil, at)
	check(t, err)
	defer s.Close()
	fd, end := lingering(t)
	defer end()
	_, _, err = s.WriteMsgUnix(genuine().hello, unix.UnixRights(fd), nil)
	check(t, err)
	go unix.Close(fd) // the message has another
	ended(t, s)
	soon(t, "Close", func() { l.Close() })
}

// TestLingeringLater sends such a file later, when it is for nobody.
func TestLingeringLater(t *testing.T) {
	name := newName()
	l := listen(t, name)
	s, _ := forge(t, name, genuine())
	c := accept(t, l)
	fd, end := lingering(t)
	defer end()
	_, _, err := s.WriteMsgUnix([]byte{1}, unix.UnixRights(fd), nil)
	if errors.Is(err, syscall.EPERM) {
		t.Log("the kernel takes no file") // since Linux 6.16
	}
	go unix.Close(fd)
	time.Sleep(20 * time.Millisecond) // it has come
	soon(t, "Close", func() { c.Close() })
}
