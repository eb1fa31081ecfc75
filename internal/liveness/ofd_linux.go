package liveness

import (
	"os"
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
	if _, err := l.held(creationByte); !ofd || err == unix.EINVAL { // before Linux 3.15
		return newPOSIXLocks(f)
	}
	return l, nil
}

func (l *ofdLocks) fcntl(cmd int, typ int16, n int) (unix.Flock_t, error) {
	lk := unix.Flock_t{Type: typ, Start: base + int64(n), Len: 1}
	var err error
	cerr := l.conn.Control(func(fd uintptr) {
		for {
			err = unix.FcntlFlock(fd, cmd, &lk)
			if err != unix.EINTR {
				return
			}
		}
	})
	if cerr != nil {
		err = cerr
	}
	return lk, err
}

func (l *ofdLocks) try(n int) (bool, error) {
	_, err := l.fcntl(unix.F_OFD_SETLK, unix.F_WRLCK, n)
	if err == unix.EAGAIN || err == unix.EACCES {
		return false, nil
	}
	return err == nil, err
}

func (l *ofdLocks) held(n int) (bool, error) {
	lk, err := l.fcntl(unix.F_OFD_GETLK, unix.F_WRLCK, n)
	return lk.Type != unix.F_UNLCK, err
}

func (l *ofdLocks) lock(n int) error {
	_, err := l.fcntl(unix.F_OFD_SETLKW, unix.F_WRLCK, n)
	return err
}

func (l *ofdLocks) unlock(n int) error {
	_, err := l.fcntl(unix.F_OFD_SETLK, unix.F_UNLCK, n)
	return err
}

func (l *ofdLocks) close() error { return l.f.Close() }
