package shmnet_test

import (
	"errors"
	"net"
	"sync"
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
	check(t, errors.Join(c.(*net.TCPConn).SetWriteBuffer(1<<14), other.(*net.TCPConn).SetReadBuffer(1<<14)))
	check(t, c.SetWriteDeadline(time.Now().Add(20*time.Millisecond)))
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

// TestLingeringCrowd has more diallers than may be on their way to Accept send files that take an hour to close:
// sockets that have such a file in their queue. Others do not notice.
func TestLingeringCrowd(t *testing.T) {
	if testing.Short() {
		t.Skip("takes 7 s")
	}
	name := newName()
	l := listen(t, name)
	at, err := shmnet.SocketAddr(name)
	check(t, err)
	var ends []func()
	var all sync.WaitGroup
	defer func() {
		for _, end := range ends {
			end()
		}
		all.Wait()
	}()
	for range 2 * shmnet.MaxPending { // some are closed here last
		fd, end := lingering(t)
		ends = append(ends, end)
		two, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		check(t, err)
		check(t, unix.Sendmsg(two[0], []byte{1}, unix.UnixRights(fd), nil, 0))
		check(t, errors.Join(unix.Close(fd), unix.Close(two[0]))) // the message has others
		s, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		check(t, err)
		check(t, unix.Connect(s, &unix.SockaddrUnix{Name: at.Name}))
		all.Go(func() {
			if err := unix.Sendmsg(s, genuine().hello, unix.UnixRights(two[1]), nil, 0); err != nil {
				t.Error(err)
			}
			unix.Close(two[1])
			unix.Close(s)
		})
	}
	c := dial(t, name)
	soon(t, "Accept", func() {
		other, err := l.Accept()
		if err == nil {
			err = other.Close()
		}
		if err != nil {
			t.Error(err)
		}
	})
	check(t, c.Close())
	soon(t, "Close", func() { l.Close() })
}
