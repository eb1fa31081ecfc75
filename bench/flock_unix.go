//go:build unix && !aix && !solaris

package main

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// flockRows lock a file as a whole, through a description for each side.
func flockRows() []row {
	return contendRows(row{Workload: lock, System: "flock", wire: wireFlock, attach: attachFlock})
}

// wireFlock makes a file and opens it once for each side; it needs its name
// no longer than that.
func wireFlock(row) (*wiring, error) {
	first, err := newNamed()
	if err != nil {
		return nil, err
	}
	second, err := os.OpenFile(first.Name(), os.O_RDWR, 0)
	if err := errors.Join(err, os.Remove(first.Name())); err != nil {
		first.Close()
		return nil, err
	}
	return &wiring{files: [2][]*os.File{{first}, {second}}}, nil
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
