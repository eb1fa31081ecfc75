//go:build linux

package main

import (
	"os"

	"github.com/isthmus-go/isthmus/shm"
	"golang.org/x/sys/unix"
)

// memory is the size of what the sides of a team share.
const memory = 16 << 20

// newSegment returns the file of what the sides of Isthmus share, and what releases
// it. An anonymous segment is a memory file, too.
func newSegment() (f *os.File, release func(), err error) {
	seg, err := shm.Anonymous(memory, &shm.Options{Populate: true})
	if err != nil {
		return nil, nil, err
	}
	return seg.File(), func() { seg.Close() }, nil
}

// newMemoryFile is the same for the sides of a C++ system.
func newMemoryFile() (f *os.File, release func(), err error) {
	fd, err := unix.MemfdCreate("cppcompare", unix.MFD_CLOEXEC)
	if err != nil {
		return nil, nil, os.NewSyscallError("memfd_create", err)
	}
	f = os.NewFile(uintptr(fd), "cppcompare")
	if err := f.Truncate(memory); err != nil {
		f.Close()
		return nil, nil, err
	}
	return f, func() { f.Close() }, nil
}
