package shmnet_test

import (
	"errors"
	"io"
	"net"
	"os"
	"runtime"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/shmnet"
)

// A busy listener has goroutines that compute on all processors.
var _ = proctest.Register("busy listener", func(c *proctest.Child) {
	l := proctest.Must(shmnet.Listen(c.Arg(0), nil))(c)
	for range runtime.GOMAXPROCS(0) {
		go func() {
			for {
				runtime.Gosched()
			}
		}()
	}
	c.Send("listening")
	for {
		proctest.Must(l.Accept())(c)
	}
})

// TestStoppedListener stops a listener for long while diallers are between connect and hello: when it
// goes on, their hellos are there.
func TestStoppedListener(t *testing.T) {
	if testing.Short() {
		t.Skip("takes 7 s")
	}
	noLeaks(t)
	name := newName()
	at, err := shmnet.SocketAddr(name)
	check(t, err)
	p := proctest.Start(t, "busy listener", name)
	p.Expect("listening")
	var socks []*net.UnixConn
	var pid int
	for range 8 {
		s, err := net.DialUnix("unix", nil, at)
		check(t, err)
		defer s.Close()
		socks = append(socks, s)
		raw, err := s.SyscallConn()
		check(t, err)
		check(t, raw.Control(func(fd uintptr) {
			cred, err := unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED)
			check(t, err)
			pid = int(cred.Pid)
		}))
	}
	time.Sleep(100 * time.Millisecond) // it waits for the hellos
	check(t, syscall.Kill(pid, syscall.SIGSTOP))
	g := genuine()
	for _, s := range socks {
		fd, err := unix.MemfdCreate("forged", unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
		check(t, err)
		check(t, unix.Ftruncate(fd, g.size))
		_, err = unix.FcntlInt(uintptr(fd), unix.F_ADD_SEALS, g.seals)
		check(t, err)
		_, _, err = s.WriteMsgUnix(g.hello, unix.UnixRights(fd), nil)
		check(t, errors.Join(err, unix.Close(fd)))
	}
	time.Sleep(6500 * time.Millisecond)
	check(t, syscall.Kill(pid, syscall.SIGCONT))
	time.Sleep(300 * time.Millisecond)
	for i, s := range socks {
		s.SetReadDeadline(time.Now().Add(10 * time.Millisecond))
		if _, err := s.Read(make([]byte, 1)); err == io.EOF || !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("connection %d is lost: %v", i, err)
		}
	}
	p.Kill()
}
