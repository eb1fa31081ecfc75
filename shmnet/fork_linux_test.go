package shmnet_test

import (
	"fmt"
	"runtime"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/shmnet"
)

// fork makes a child without exec, which sleeps until it is killed.
func fork() (pid uintptr, errno syscall.Errno) {
	flags, stack := uintptr(unix.SIGCHLD), uintptr(0)
	if runtime.GOARCH == "s390x" { // which has them the other way round
		flags, stack = stack, flags
	}
	pid, _, errno = unix.RawSyscall6(unix.SYS_CLONE, flags, stack, 0, 0, 0, 0)
	if pid == 0 {
		for fd := range uintptr(3) { // those by which others wait for the parent
			unix.RawSyscall(unix.SYS_CLOSE, fd, 0, 0)
		}
		for {
			unix.RawSyscall(unix.SYS_PPOLL, 0, 0, 0) // asleep, until it is killed
		}
	}
	return pid, errno
}

// A forker dials, and makes a child without exec, as C code in the process may.
var _ = proctest.Register("forker", func(c *proctest.Child) {
	proctest.Must(shmnet.Dial(background, c.Arg(0)))(c)
	pid, errno := fork()
	if errno != 0 {
		c.Check(errno)
	}
	c.Send("child", pid)
	select {}
})

// TestForkedChild kills a process whose forked child has inherited its socket: it is dead all
// the same.
func TestForkedChild(t *testing.T) {
	proctest.Mortal(t)
	name := newName()
	l := listen(t, name)
	p := proctest.Start(t, "forker", name)
	c := accept(t, l)
	var child int
	if _, err := fmt.Sscanf(p.Recv(), "child %d", &child); err != nil {
		t.Fatal(err)
	}
	defer unix.Kill(child, unix.SIGKILL)
	read := make(chan error, 1)
	go func() {
		_, err := c.Read(make([]byte, 1))
		read <- err
	}()
	time.Sleep(50 * time.Millisecond) // it sleeps
	p.Kill()
	killed := time.Now()
	select {
	case err := <-read:
		want(t, "read", err, syscall.ECONNRESET)
		t.Log("after", time.Since(killed))
	case <-time.After(proctest.Timeout() / 10):
		t.Fatal("the child keeps its parent alive")
	}
	for { // until the buffer is full
		if _, err := c.Write(make([]byte, 10_000)); err != nil {
			want(t, "write", err, syscall.EPIPE)
			break
		}
	}
}

// TestForkedNeverAccepted closes a Listener whose process has a forked child: who has dialled learns of it all the same.
func TestForkedNeverAccepted(t *testing.T) {
	proctest.Mortal(t)
	name := newName()
	l := listen(t, name)
	c := dial(t, name)
	for mappings(t) < 2 { // until the hello is taken
		runtime.Gosched()
	}
	child, errno := fork()
	if errno != 0 {
		t.Fatal(errno)
	}
	defer func() {
		unix.Kill(int(child), unix.SIGKILL)
		unix.Wait4(int(child), nil, 0, nil)
	}()
	check(t, l.Close())
	check(t, c.SetReadDeadline(time.Now().Add(proctest.Timeout()/10)))
	_, err := c.Read(make([]byte, 1))
	want(t, "read", err, syscall.ECONNRESET)
}
