package segment

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"

	"github.com/isthmus-go/isthmus/internal/liveness"
)

// Anonymous makes a segment without a name, which children inherit.
func Anonymous(size int64, opts *Options) (*Segment, error) {
	s, err := anonymous(size, opts)
	return s, wrap("create", anonymousName, err)
}

// FromFile opens the segment in f, which stays the caller's.
func FromFile(f *os.File, opts *Options) (*Segment, error) {
	if f == nil {
		return nil, wrap("open", anonymousName, fmt.Errorf("nil file: %w", fs.ErrInvalid))
	}
	s, err := fromFile(f, opts)
	return s, wrap("open", f.Name(), err)
}

func anonymous(size int64, opts *Options) (*Segment, error) {
	o, geometry, err := planSize(size, opts)
	if err != nil {
		return nil, err
	}
	shared, err := memfd()
	sealed := err == nil
	if isAny(err, unix.ENOSYS, unix.EPERM, unix.EACCES) { // before Linux 3.17, or in a sandbox
		shared, err = unnamed(o.Dir)
	}
	if err != nil {
		return nil, err
	}
	private, err := reopen(shared)
	if err != nil {
		return nil, errors.Join(err, shared.Close())
	}
	s, err := build(anonymousName, private, geometry, o)
	if err != nil {
		return nil, errors.Join(err, shared.Close())
	}
	s.res.shared = shared
	if sealed {
		if err := seal(shared); err != nil {
			s.discard()
			return nil, err
		}
	}
	return s, nil
}

func fromFile(f *os.File, opts *Options) (*Segment, error) {
	o, err := opts.withDefaults()
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if err := trust(info, o.TrustedUIDs); err != nil { // before it is opened again
		return nil, err
	}
	private, err := reopen(f)
	if err != nil {
		return nil, err
	}
	return adopt(f.Name(), "", private, o)
}

func memfd() (*os.File, error) {
	const flags = unix.MFD_CLOEXEC | unix.MFD_ALLOW_SEALING
	fd, err := unix.MemfdCreate(anonymousName, flags|unix.MFD_NOEXEC_SEAL)
	if err == unix.EINVAL { // before Linux 6.3
		fd, err = unix.MemfdCreate(anonymousName, flags)
	}
	if err != nil {
		return nil, os.NewSyscallError("memfd_create", err)
	}
	return os.NewFile(uintptr(fd), anonymousName), nil
}

// unnamed makes a file that has lost its name, the next best to a memfd: nothing
// keeps those who inherit it from making it shorter.
func unnamed(dir string) (*os.File, error) {
	f, err := createDraft(dir)
	if err != nil {
		return nil, err
	}
	if err := os.Remove(f.Name()); err != nil && !errors.Is(err, fs.ErrNotExist) { // somebody may have swept it
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// seal keeps anyone from making f shorter, which would be a fault at the next
// access of everyone else.
func seal(f *os.File) error {
	var err error
	cerr := control(f, func(fd int) {
		_, err = unix.FcntlInt(uintptr(fd), unix.F_ADD_SEALS, unix.F_SEAL_SHRINK|unix.F_SEAL_GROW|unix.F_SEAL_SEAL)
	})
	return errors.Join(cerr, os.NewSyscallError("seal", err))
}

// reopen makes a private description of the same file. A duplicate would share
// the locks on it with every process that has inherited the original. And locks
// of the process would go away when somebody closes the original.
func reopen(f *os.File) (*liveness.File, error) {
	var private *os.File
	var err error
	cerr := control(f, func(fd int) {
		private, err = os.OpenFile(fmt.Sprintf("/proc/self/fd/%d", fd), os.O_RDWR|unix.O_NONBLOCK, 0)
	})
	if cerr != nil || err != nil {
		return nil, errors.Join(cerr, err)
	}
	file, err := liveness.Take(private)
	if err == nil && !file.OwnLocks() {
		return nil, errors.Join(fmt.Errorf("no open-file-description locks: %w", errors.ErrUnsupported), file.Close())
	}
	return file, err
}
