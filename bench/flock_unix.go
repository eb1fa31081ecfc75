//go:build unix && !aix && !solaris

package main

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// flockRows lock a file as a whole, through a description for each side.
func flockRows() []row {
	r := row{Workload: lock, System: "flock", wire: wireFlock, attach: attachFlock}
	return append(contendRows(r), crowdRows(r)...)
}

// wireFlock makes a file and opens it once for each side; it needs its name
// no longer than that.
func wireFlock(r row) (*wiring, error) {
	f, err := newNamed()
	if err != nil {
		return nil, err
	}
	w := &wiring{files: [][]*os.File{{f}}}
	for len(w.files) < r.Procs && err == nil {
		var another *os.File
		another, err = os.OpenFile(f.Name(), os.O_RDWR, 0)
		w.files = append(w.files, []*os.File{another})
	}
	if err := errors.Join(err, os.Remove(f.Name())); err != nil {
		w.close()
		return nil, err
	}
	return w, nil
}

func attachFlock(_ row, in inherited) (joiner, error) {
	fd := int(in.files[0].Fd())
	return func(int) (loop, error) {
		return func(_ uint64, n int) error {
			for range n {
				for {
					err := unix.Flock(fd, unix.LOCK_EX)
					if err == nil {
						break
					}
					if err != unix.EINTR {
						return os.NewSyscallError("flock", err)
					}
				}
				if err := unix.Flock(fd, unix.LOCK_UN); err != nil {
					return os.NewSyscallError("flock", err)
				}
			}
			return nil
		}, nil
	}, nil
}
