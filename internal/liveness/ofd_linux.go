package liveness

import (
	"os"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// ofdLocks are open-file-description locks: they belong to the description, and
// exclude other descriptions of the same process as well.
type ofdLocks struct {
	f    *os.File
	conn syscall.RawConn
}

// ofd is false in tests of what kernels without such locks get.
var ofd = true

func newLocks(f *os.File) (locks, error) {
	conn, err := f.SyscallConn()
	if err != nil {
		return nil, err
	}
	l := &ofdLocks{f, conn}
	switch _, err := l.held(creationByte); {
	case !ofd,
		err == unix.EINVAL,                                        // before Linux 3.15, and in emulators
		err == unix.ENOSYS, err == unix.EPERM, err == unix.EACCES: // in sandboxes
		return newPOSIXLocks(f)
	}
	return l, nil
}

// OwnLocks reports whether the locks belong to this File. If not, they go away
// when the process closes any other descriptor of the file.
func (f *File) OwnLocks() bool {
	_, ok := f.locks.(*ofdLocks)
	return ok
}

// call is one fcntl. Calls are kept, for a probe should not allocate: it is what
// a process does all the time that waits for another.
type call struct {
	cmd  int
	lock unix.Flock_t
	err  error
	run  func(fd uintptr)
}

var calls = sync.Pool{New: func() any {
	c := new(call)
	c.run = func(fd uintptr) {
		for {
			if c.err = unix.FcntlFlock(fd, c.cmd, &c.lock); c.err != unix.EINTR {
				return
			}
		}
	}
	return c
}}

// fcntl returns the type of the lock that is in the way, if cmd asks for it.
func (l *ofdLocks) fcntl(cmd int, typ int16, n int64) (int16, error) {
	c := calls.Get().(*call)
	defer calls.Put(c)
	c.cmd, c.lock = cmd, unix.Flock_t{Type: typ, Start: base + n, Len: 1}
	if err := l.conn.Control(c.run); err != nil {
		return 0, err
	}
	return c.lock.Type, c.err
}

func (l *ofdLocks) try(n int64) (bool, error) {
	_, err := l.fcntl(unix.F_OFD_SETLK, unix.F_WRLCK, n)
	if err == unix.EAGAIN || err == unix.EACCES {
		return false, nil
	}
	return err == nil, err
}

// held does not take a reader's lock for an owner's.
func (l *ofdLocks) held(n int64) (bool, error) {
	typ, err := l.fcntl(unix.F_OFD_GETLK, unix.F_WRLCK, n)
	return typ == unix.F_WRLCK && err == nil, err
}

func (l *ofdLocks) lock(n int64) error {
	_, err := l.fcntl(unix.F_OFD_SETLKW, unix.F_WRLCK, n)
	return err
}

func (l *ofdLocks) share(n int64) error {
	_, err := l.fcntl(unix.F_OFD_SETLKW, unix.F_RDLCK, n)
	return err
}

func (l *ofdLocks) unlock(n int64) error {
	_, err := l.fcntl(unix.F_OFD_SETLK, unix.F_UNLCK, n)
	return err
}

func (l *ofdLocks) close() error { return l.f.Close() }
