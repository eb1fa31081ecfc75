package segment

import (
	"errors"
	"os"
	"slices"

	"golang.org/x/sys/unix"
)

// reserveStep keeps each fallocate short: a signal makes it give back what it
// has allocated, so that a long one might never finish.
const reserveStep = 16 << 20

// reserve sizes f and allocates all of it, so that running out of space is an
// error here and not a fault at some later access.
func reserve(f *os.File, size int64) error {
	if err := f.Truncate(size); err != nil {
		return err
	}
	var err error
	cerr := control(f, func(fd int) {
		if err = checkRoom(fd, size); err != nil {
			return
		}
		for off := int64(0); off < size && err == nil; off += reserveStep {
			err = retry(func() error {
				return unix.Fallocate(fd, 0, off, min(reserveStep, size-off))
			})
		}
	})
	if cerr != nil {
		return cerr
	}
	if isAny(err, unix.EOPNOTSUPP, unix.ENOSYS, unix.EPERM, unix.EACCES) { // the file system, or a sandbox
		return writeZeros(f, size)
	}
	return os.NewSyscallError("fallocate", err)
}

// checkRoom refuses what cannot fit, without filling the file system first, or
// where that is made of memory, bringing the out-of-memory killer in.
func checkRoom(fd int, size int64) error {
	var st unix.Statfs_t
	if err := retry(func() error { return unix.Fstatfs(fd, &st) }); err != nil {
		return err
	}
	free := st.Bavail
	if os.Geteuid() == 0 {
		free = st.Bfree // with what is reserved for root
	}
	if st.Blocks > 0 && uint64(size) > free*uint64(st.Frsize) {
		return unix.ENOSPC
	}
	if st.Type == unix.TMPFS_MAGIC {
		var si unix.Sysinfo_t
		if err := unix.Sysinfo(&si); err != nil {
			return err
		}
		if uint64(size) > (uint64(si.Totalram)+uint64(si.Freeswap))*uint64(si.Unit) {
			return unix.ENOMEM
		}
	}
	return nil
}

// memoryDir returns the directory for shared memory, if there is one.
func memoryDir() (string, bool) {
	const dir = "/dev/shm"
	var st unix.Statfs_t
	err := retry(func() error { return unix.Statfs(dir, &st) })
	return dir, err == nil && st.Type == unix.TMPFS_MAGIC
}

func retry(f func() error) error {
	for {
		if err := f(); err != unix.EINTR {
			return err
		}
	}
}

func control(f *os.File, do func(fd int)) error {
	conn, err := f.SyscallConn()
	if err != nil {
		return err
	}
	return conn.Control(func(fd uintptr) { do(int(fd)) })
}

func isAny(err error, errnos ...unix.Errno) bool {
	return slices.ContainsFunc(errnos, func(e unix.Errno) bool { return errors.Is(err, e) })
}
