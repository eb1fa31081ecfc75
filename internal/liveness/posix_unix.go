//go:build unix

package liveness

import (
	"errors"
	"os"
	"slices"
	"sync"
	"syscall"
	"time"
)

// posixFile is one file as this process has it open, perhaps many times. POSIX
// record locks belong to the process: they do not exclude its own Files from
// each other, which owners does, and they all go away when the process closes
// any descriptor of the file, which is why the descriptors are kept until the
// last File closes.
type posixFile struct {
	info  os.FileInfo
	files []*os.File // closed together
	refs  int

	mu     sync.Mutex
	owners map[int64]*posixLocks // who of this process has a byte
}

var posixFiles struct {
	sync.Mutex
	open []*posixFile
}

// posixLocks are one File's locks.
type posixLocks struct {
	file   *posixFile
	conn   syscall.RawConn
	closed bool // guarded by file.mu
}

func newPOSIXLocks(f *os.File) (locks, error) {
	conn, err := f.SyscallConn()
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	posixFiles.Lock()
	defer posixFiles.Unlock()
	i := slices.IndexFunc(posixFiles.open, func(p *posixFile) bool { return os.SameFile(p.info, info) })
	if i < 0 {
		i = len(posixFiles.open)
		posixFiles.open = append(posixFiles.open, &posixFile{info: info, owners: map[int64]*posixLocks{}})
	}
	p := posixFiles.open[i]
	p.files = append(p.files, f)
	p.refs++
	return &posixLocks{file: p, conn: conn}, nil
}

func (l *posixLocks) fcntl(cmd int, typ int16, n int64) (lk syscall.Flock_t, err error) {
	lk = syscall.Flock_t{Type: typ, Start: base + n, Len: 1}
	cerr := l.conn.Control(func(fd uintptr) {
		for {
			err = syscall.FcntlFlock(fd, cmd, &lk)
			if err != syscall.EINTR {
				return
			}
		}
	})
	if cerr != nil {
		err = cerr
	}
	return lk, err
}

func (l *posixLocks) try(n int64) (bool, error) {
	l.file.mu.Lock()
	defer l.file.mu.Unlock()
	if l.closed {
		return false, os.ErrClosed
	}
	if l.file.owners[n] != nil {
		return false, nil
	}
	_, err := l.fcntl(syscall.F_SETLK, syscall.F_WRLCK, n)
	switch err {
	case nil:
		l.file.owners[n] = l
		return true, nil
	case syscall.EAGAIN, syscall.EACCES:
		return false, nil
	default:
		return false, err
	}
}

func (l *posixLocks) held(n int64) (bool, error) {
	l.file.mu.Lock()
	defer l.file.mu.Unlock()
	if l.closed {
		return false, os.ErrClosed
	}
	if l.file.owners[n] != nil {
		return l.file.owners[n] != l, nil
	}
	lk, err := l.fcntl(syscall.F_GETLK, syscall.F_WRLCK, n)
	return lk.Type == syscall.F_WRLCK && err == nil, err
}

// lock polls: the kernel looks for deadlocks between processes, and would see
// them where only goroutines of two processes cross.
func (l *posixLocks) lock(n int64) error {
	for {
		if ok, err := l.try(n); ok || err != nil {
			return err
		}
		time.Sleep(time.Millisecond)
	}
}

func (l *posixLocks) unlock(n int64) error {
	l.file.mu.Lock()
	defer l.file.mu.Unlock()
	if l.file.owners[n] != l {
		return nil
	}
	delete(l.file.owners, n)
	_, err := l.fcntl(syscall.F_SETLK, syscall.F_UNLCK, n)
	return err
}

func (l *posixLocks) close() error {
	l.file.mu.Lock()
	if l.closed {
		l.file.mu.Unlock()
		return os.ErrClosed
	}
	l.closed = true
	var errs []error
	for n, owner := range l.file.owners {
		if owner == l {
			delete(l.file.owners, n)
			_, err := l.fcntl(syscall.F_SETLK, syscall.F_UNLCK, n)
			errs = append(errs, err)
		}
	}
	l.file.mu.Unlock()

	posixFiles.Lock()
	defer posixFiles.Unlock()
	l.file.refs--
	if l.file.refs > 0 {
		return errors.Join(errs...)
	}
	i := slices.Index(posixFiles.open, l.file)
	posixFiles.open = slices.Delete(posixFiles.open, i, i+1)
	for _, f := range l.file.files {
		errs = append(errs, f.Close())
	}
	return errors.Join(errs...)
}
