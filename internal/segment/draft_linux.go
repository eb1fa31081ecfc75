package segment

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"github.com/isthmus-go/isthmus/internal/liveness"
)

// unnamedDrafts is false in tests of what kernels and file systems without
// O_TMPFILE get.
var unnamedDrafts = true

func newDraft(dir string) (*draft, error) {
	if !unnamedDrafts {
		return newNamedDraft(dir)
	}
	f, err := os.OpenFile(dir, unix.O_TMPFILE|os.O_RDWR, 0o600)
	switch {
	case isAny(err, unix.EOPNOTSUPP, unix.EISDIR, unix.EINVAL):
		return newNamedDraft(dir)
	case err != nil:
		return nil, err
	}
	file, err := liveness.Take(f)
	if err != nil {
		return nil, err
	}
	return &draft{file: file}, nil
}

func linkUnnamed(f *os.File, path string) error {
	var err error
	cerr := control(f, func(fd int) {
		err = unix.Linkat(unix.AT_FDCWD, fmt.Sprintf("/proc/self/fd/%d", fd), unix.AT_FDCWD, path, unix.AT_SYMLINK_FOLLOW)
		if err == unix.ENOENT { // no /proc
			err = unix.Linkat(fd, "", unix.AT_FDCWD, path, unix.AT_EMPTY_PATH)
		}
	})
	if cerr != nil {
		return cerr
	}
	if err != nil {
		return &os.PathError{Op: "link", Path: path, Err: err}
	}
	return nil
}
