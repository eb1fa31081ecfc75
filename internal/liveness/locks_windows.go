package liveness

import (
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/windows"
)

// handleLocks are LockFileEx locks: they belong to the handle, and exclude other
// handles of the same process as well.
type handleLocks struct {
	f    *os.File
	conn syscall.RawConn
}

func newLocks(f *os.File) (locks, error) {
	conn, err := f.SyscallConn()
	if err != nil {
		return nil, err
	}
	return &handleLocks{f, conn}, nil
}

func at(n int64) *windows.Overlapped {
	off := base + n
	return &windows.Overlapped{Offset: uint32(off), OffsetHigh: uint32(off >> 32)}
}

func (l *handleLocks) do(f func(h windows.Handle) error) error {
	var err error
	if cerr := l.conn.Control(func(fd uintptr) { err = f(windows.Handle(fd)) }); cerr != nil {
		return cerr
	}
	return err
}

func (l *handleLocks) once(n int64, flags uint32) (bool, error) {
	err := l.do(func(h windows.Handle) error {
		return windows.LockFileEx(h, flags|windows.LOCKFILE_FAIL_IMMEDIATELY, 0, 1, 0, at(n))
	})
	if err == windows.ERROR_LOCK_VIOLATION || err == windows.ERROR_IO_PENDING {
		return false, nil
	}
	return err == nil, err
}

// try tries a few times, for a probe can be in the way.
func (l *handleLocks) try(n int64) (ok bool, err error) {
	for range 4 {
		if ok, err = l.once(n, windows.LOCKFILE_EXCLUSIVE_LOCK); ok || err != nil {
			return ok, err
		}
		time.Sleep(100 * time.Microsecond)
	}
	return false, nil
}

// held probes by a shared lock, so that probes do not see each other.
func (l *handleLocks) held(n int64) (bool, error) {
	ok, err := l.once(n, 0)
	if ok {
		err = l.unlock(n)
	}
	return !ok, err
}

func (l *handleLocks) lock(n int64) error { return l.wait(n, windows.LOCKFILE_EXCLUSIVE_LOCK) }

func (l *handleLocks) share(n int64) error { return l.wait(n, 0) }

func (l *handleLocks) wait(n int64, flags uint32) error {
	return l.do(func(h windows.Handle) error {
		return windows.LockFileEx(h, flags, 0, 1, 0, at(n))
	})
}

func (l *handleLocks) unlock(n int64) error {
	return l.do(func(h windows.Handle) error {
		return windows.UnlockFileEx(h, 0, 1, 0, at(n))
	})
}

func (l *handleLocks) close() error { return l.f.Close() }
