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
	shares map[int64]int         // how many share it
}

var posixFiles struct {
	sync.Mutex
	open []*posixFile
}

// posixLocks are one File's locks.
type posixLocks struct {
	file   *posixFile
	conn   syscall.RawConn
	closed bool // guarded by file.mu, as is
	shared []int64
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
		posixFiles.open = append(posixFiles.open, &posixFile{info: info, owners: map[int64]*posixLocks{}, shares: map[int64]int{}})
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
	if l.file.owners[n] != nil || l.file.shares[n] > 0 {
		return false, nil
	}
	ok, err := l.set(syscall.F_WRLCK, n)
	if ok {
		l.file.owners[n] = l
	}
	return ok, err
}

// set locks byte n for the process, unless another process is in the way.
func (l *posixLocks) set(typ int16, n int64) (bool, error) {
	_, err := l.fcntl(syscall.F_SETLK, typ, n)
	if err == syscall.EAGAIN || err == syscall.EACCES {
		return false, nil
	}
	return err == nil, err
}

func (l *posixLocks) tryShare(n int64) (ok bool, err error) {
	l.file.mu.Lock()
	defer l.file.mu.Unlock()
	if l.closed {
		return false, os.ErrClosed
	}
	if l.file.owners[n] != nil {
		return false, nil
	}
	if ok = l.file.shares[n] > 0; !ok {
		ok, err = l.set(syscall.F_RDLCK, n)
	}
	if ok {
		l.file.shares[n]++
		l.shared = append(l.shared, n)
	}
	return ok, err
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
func (l *posixLocks) lock(n int64) error { return poll(n, l.try) }

func (l *posixLocks) share(n int64) error { return poll(n, l.tryShare) }

func poll(n int64, try func(n int64) (bool, error)) error {
	for {
		if ok, err := try(n); ok || err != nil {
			return err
		}
		time.Sleep(time.Millisecond)
	}
}

func (l *posixLocks) unlock(n int64) error {
	l.file.mu.Lock()
	defer l.file.mu.Unlock()
	if i := slices.Index(l.shared, n); i >= 0 {
		l.shared = slices.Delete(l.shared, i, i+1)
		if l.file.shares[n]--; l.file.shares[n] > 0 {
			return nil
		}
	} else if l.file.owners[n] != l {
		return nil
	}
	return l.clear(n)
}

// clear unlocks byte n, which no File of this process has any more.
func (l *posixLocks) clear(n int64) error {
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
			errs = append(errs, l.clear(n))
		}
	}
	for _, n := range l.shared {
		if l.file.shares[n]--; l.file.shares[n] == 0 {
			errs = append(errs, l.clear(n))
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
