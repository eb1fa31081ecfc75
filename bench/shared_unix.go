//go:build unix

package main

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// crossProcess says whether peers can inherit descriptors here, as every
// row between two processes needs.
const crossProcess = true

const sharedSize = 4096

// newShared returns a file of sharedSize zero bytes, for mapping, that has
// no name any more: it goes when the last process closes it.
func newShared() (*os.File, error) {
	f, err := newNamed()
	if err != nil {
		return nil, err
	}
	if err := errors.Join(os.Remove(f.Name()), f.Truncate(sharedSize)); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// newNamed returns a new file, in memory where there is a file system there.
func newNamed() (*os.File, error) {
	pattern := fmt.Sprintf("isthmus-bench-%d-*", os.Getpid())
	f, err := os.CreateTemp("/dev/shm", pattern)
	if err != nil {
		f, err = os.CreateTemp("", pattern)
	}
	return f, err
}

func mapShared(f *os.File) ([]byte, error) {
	mem, err := unix.Mmap(int(f.Fd()), 0, sharedSize, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	return mem, os.NewSyscallError("mmap", err)
}
