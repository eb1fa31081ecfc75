//go:build linux && (amd64 || arm64) && !isthmus_nofutex

package killtest_test

import (
	"errors"
	"os"
	"runtime"
	"time"

	"golang.org/x/sys/unix"

	"github.com/isthmus-go/isthmus/internal/killtest"
	"github.com/isthmus-go/isthmus/shm"
)

// closerSlice bounds the sleeps of a victim whose Segment is closed: nobody wakes
// it from those. Single steps to a sleep are to take less.
const closerSlice = 5 * time.Second

// startCloser starts a thread that closes the victim's Segment once there is
// something to read from the standard input, and answers when that is done.
func (v *victim) startCloser() {
	ready := make(chan bool)
	go func() {
		runtime.LockOSThread()
		close(ready)
		b := make([]byte, 1)
		must(unix.Read(0, b))
		if err := v.seg.Close(); !errors.Is(err, shm.ErrSegmentClosed) { // the operation may have been quicker
			check(err)
		}
		must(unix.Write(0, b))
	}()
	<-ready
}

// closed reports whether a Segment is closed.
func closed(seg *shm.Segment) bool {
	_, err := seg.Peers()
	return errors.Is(err, shm.ErrSegmentClosed)
}

// letting says of an operation that it lets others go.
func letting(op operation) operation {
	op.lets = true
	return op
}

// relink makes a connection with the next victim, and returns the victim's end.
func (s *stage) relink() *os.File {
	if s.link != nil {
		s.link.Close()
	}
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	s.must("socketpair", err)
	s.link = os.NewFile(uintptr(fds[0]), "link")
	return os.NewFile(uintptr(fds[1]), "link")
}

// shutUnder has another thread of the victim close its Segment while the main
// thread stands at a point, and then the main thread go on to the end of its
// operation. It reports false if the Close does not come to its end: it cannot
// where the main thread has a lock of the Go runtime.
func (s *stage) shutUnder(asleep bool) bool {
	s.Helper()
	must(s.link.Write([]byte{1}))
	done, err := s.live.Aside(s.answered, aside)
	s.must("close the segment", err)
	if !done {
		return false
	}
	state := killtest.AtMark
	if !asleep || !s.live.Marked() { // woken, it may have come to its end by now
		state, err = s.live.Continue(patience)
		s.must("go on", err)
	}
	if state != killtest.AtMark {
		s.fatalf("with its segment closed, the victim does not come to its end: %s", s.live.End())
	}
	return true
}

// aside is how long a Close may take that the main thread is not in the way of.
const aside = time.Second

// answered reports whether there is an answer of the victim's, and takes it.
func (s *stage) answered() bool {
	n, _, err := unix.Recvfrom(int(s.link.Fd()), make([]byte, 1), unix.MSG_DONTWAIT)
	return err == nil && n == 1
}

// verdict reads the result of a victim that has ended its operation with its
// segment closed, kills it, and checks what is left: what a death leaves if the
// operation says that the segment was closed, and otherwise what it says. Where
// the Close came between the operation's last look and its return, both are true.
func (s *stage) verdict(sc scene) {
	s.Helper()
	o := s.result()
	if o.ended = !errors.Is(o.err, shm.ErrSegmentClosed); !o.ended {
		o.err = nil
	}
	s.must("kill", s.live.Kill())
	sc.check(o)
}
