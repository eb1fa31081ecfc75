package shmnet_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/shm"
	"github.com/isthmus-go/isthmus/shmnet"
)

func TestNames(t *testing.T) {
	noLeaks(t)
	for _, name := range []string{"", strings.Repeat("x", 81), "a\x00b"} {
		if _, err := shmnet.Listen(name, nil); !errors.Is(err, shm.ErrName) {
			t.Errorf("listen at %q: %v", name, err)
		}
		_, err := shmnet.Dial(background, name)
		want(t, "dial", err, shm.ErrName)
	}
	name := newName()
	_, err := shmnet.Dial(background, name)
	want(t, "dial", err, syscall.ECONNREFUSED)
	l := listen(t, name)
	if l.Addr().String() != name || l.Addr().Network() != "shm" {
		t.Error(l.Addr())
	}
	if _, err := shmnet.Listen(name, nil); !errors.Is(err, syscall.EADDRINUSE) {
		t.Error(err)
	}
	check(t, l.Close())
	want(t, "close", l.Close(), net.ErrClosed)
	check(t, listen(t, name).Close())
}

func TestBuffers(t *testing.T) {
	name := newName()
	l := listen(t, name)
	for _, size := range []int{-1, 64<<20 + 1} {
		_, err := (&shmnet.Dialer{Buffer: size}).DialContext(background, "shm", name)
		want(t, "dial", err, shm.ErrSize)
	}
	for size, room := range map[int]int{0: 64 << 10, 1: 4096, 4096: 4096, 4097: 8192, 64 << 20: 64 << 20} {
		a, b := dialBuffer(t, name, size), accept(t, l)
		for _, c := range []*shmnet.Conn{a, b} {
			if n, err := c.Write(make([]byte, room)); n != room || err != nil {
				t.Error(n, err)
			}
			check(t, c.SetWriteDeadline(past))
			if n, err := c.Write([]byte{1}); n != 0 {
				t.Error(n, err)
			}
		}
		check(t, errors.Join(a.Close(), b.Close()))
	}
}

func TestDialContext(t *testing.T) {
	name := newName()
	listen(t, name)
	ctx, cancel := context.WithCancel(background)
	c, err := new(shmnet.Dialer).DialContext(ctx, "tcp", name+":80")
	check(t, err)
	cancel()
	if _, err := c.Write([]byte{1}); err != nil {
		t.Error(err)
	}
	check(t, c.Close())
	_, err = shmnet.Dial(ctx, name)
	want(t, "dial", err, context.Canceled)
}

// TestAcceptClosed closes a Listener under Accept, and with connections that nobody has accepted.
func TestAcceptClosed(t *testing.T) {
	name := newName()
	l := listen(t, name)
	c := dial(t, name)
	other := listen(t, newName())
	together(
		func() {
			_, err := other.Accept()
			want(t, "accept", err, net.ErrClosed)
		},
		func() { check(t, other.Close()) })
	check(t, l.Close())
	if _, err := c.Read(make([]byte, 1)); err == nil {
		t.Error("read from a closed listener")
	}
	_, err := l.Accept()
	want(t, "accept", err, net.ErrClosed)
}

// TestNeverAccepted closes a Listener that has taken a hello: what nobody has accepted does not end
// in order.
func TestNeverAccepted(t *testing.T) {
	name := newName()
	l := listen(t, name)
	c := dial(t, name)
	if _, err := c.Write([]byte("order")); err != nil {
		t.Fatal(err)
	}
	for mappings(t) < 2 { // until the hello is taken
		runtime.Gosched()
	}
	time.Sleep(10 * time.Millisecond)
	check(t, l.Close())
	_, err := c.Read(make([]byte, 1))
	want(t, "read", err, syscall.ECONNRESET)
}

// TestString: what is printed is a name, and not the memory.
func TestString(t *testing.T) {
	name := newName()
	l := listen(t, name)
	c, err := shmnet.Dial(background, name)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if got, want := fmt.Sprintf("%v, %s", l, c), "shm "+name+", shm "+name; got != want {
		t.Errorf("printed %.100q, want %q", got, want)
	}
}

// TestPeer asks who is at the other side.
func TestPeer(t *testing.T) {
	a, b := pair(t)
	for _, c := range []*shmnet.Conn{a, b} {
		if c.Peer() != (shmnet.Peer{PID: os.Getpid(), UID: os.Geteuid()}) {
			t.Errorf("%+v", c.Peer())
		}
	}
}

// TestPath has a listener at a file. What a killed one leaves, the next replaces; while one is
// alive, no other can.
func TestPath(t *testing.T) {
	dir, err := os.MkdirTemp("", "")
	check(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	path := filepath.Join(dir, "s")
	noLeaks(t)
	p := proctest.Start(t, "victim", "listens", path, "waits")
	p.Expect("listening")
	dial(t, path)
	p.Expect("alive")
	if _, err := shmnet.Listen(path, nil); !errors.Is(err, syscall.EADDRINUSE) {
		t.Error(err)
	}
	p.Kill()
	l := listen(t, path)
	dial(t, path)
	accept(t, l)
	check(t, l.Close())
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Error("the file is left:", err)
	}
	check(t, os.WriteFile(path, nil, 0o600))
	if _, err := shmnet.Listen(path, nil); err == nil {
		t.Error("a file that is no socket was replaced")
	}
}

// TestPathLocked has somebody keep the lock of the directory.
func TestPathLocked(t *testing.T) {
	dir := t.TempDir()
	f, err := os.Open(dir)
	check(t, err)
	defer f.Close()
	check(t, syscall.Flock(int(f.Fd()), syscall.LOCK_EX))
	done := make(chan error, 1)
	go func() {
		_, err := shmnet.Listen(filepath.Join(dir, "s"), nil)
		done <- err
	}()
	select {
	case err := <-done:
		if !errors.Is(err, syscall.EWOULDBLOCK) {
			t.Error(err)
		}
	case <-time.After(proctest.Timeout() / 10):
		t.Error("it still waits")
	}
}

// TestUsers has a dialler of another user: it is refused, unless it is trusted.
func TestUsers(t *testing.T) {
	proctest.MaySkip("stranger")
	if os.Geteuid() != 0 {
		t.Skip("needs root")
	}
	const other = 12345
	as := &proctest.Options{Attributes: func(a *syscall.SysProcAttr) {
		a.Credential = &syscall.Credential{Uid: other, Gid: other}
	}}
	noLeaks(t)
	name := newName()
	l, err := shmnet.Listen(name, nil)
	check(t, err)
	p := proctest.StartWith(t, as, "stranger", name, "untrusted")
	p.Wait()
	check(t, l.Close())
	p = proctest.StartWith(t, as, "stranger", name, "refused")
	p.Expect("waiting")
	l, err = shmnet.Listen(name, nil)
	check(t, err)
	p.Send("go")
	p.Wait()
	check(t, l.Close())
	l, err = shmnet.Listen(name, &shmnet.Options{TrustedUIDs: []int{other}})
	check(t, err)
	defer l.Close()
	p = proctest.StartWith(t, as, "stranger", name, "trusted")
	if c := accept(t, l); c.Peer().UID != other {
		t.Errorf("%+v", c.Peer())
	}
	p.Wait()
}

// A stranger is another user's process, which dials one of root's.
var _ = proctest.Register("stranger", func(c *proctest.Child) {
	name, dialer := c.Arg(0), &shmnet.Dialer{}
	if c.Arg(1) == "refused" {
		c.Send("waiting")
		c.Expect("go")
	}
	if c.Arg(1) != "untrusted" {
		dialer.TrustedUIDs = []int{0}
	}
	conn, err := dialer.DialContext(background, "shm", name)
	if c.Arg(1) == "untrusted" {
		if !errors.Is(err, shmnet.ErrUntrusted) {
			c.Fatalf("dial: %v", err)
		}
		return
	}
	if c.Arg(1) == "refused" && errors.Is(err, syscall.EPIPE) { // before the hello
		return
	}
	c.Check(err)
	if c.Arg(1) == "refused" {
		if _, err := conn.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
			c.Fatalf("read: %v", err)
		}
	}
	c.Check(conn.Close())
})
