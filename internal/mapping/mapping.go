// Package mapping maps a file into memory, shared and writable, and detaches
// that memory from the file again while others may still be using it.
package mapping

import (
	"errors"
	"os"
	"runtime"
	"sync/atomic"
	"time"
)

// Mapping is a file mapped into memory.
type Mapping struct {
	mem     []byte
	severed atomic.Bool
}

// severed counts the mappings that are severed and not unmapped: they are good
// for nothing but their addresses.
var severed atomic.Int64

// Map maps the first size bytes of f, which the file must have: touching a page
// past its end is a fault.
func Map(f *os.File, size int) (*Mapping, error) {
	mem, err := mapFile(f, size)
	// Severed mappings may fill the address space of a 32-bit process until the
	// collector finds that nobody can touch them; it sees no reason to hurry.
	for wait := time.Millisecond; errors.Is(err, errNoRoom) && severed.Load() > 0 && wait < time.Second; wait *= 2 {
		runtime.GC()
		time.Sleep(wait) // cleanups run after the collection
		mem, err = mapFile(f, size)
	}
	if err != nil {
		return nil, os.NewSyscallError("mmap", err)
	}
	return &Mapping{mem: mem}, nil
}

// Bytes returns the mapped memory. It does not keep the mapping alive.
func (m *Mapping) Bytes() []byte { return m.mem }

// Sever puts private memory in the mapping's place. When it has returned,
// nothing that this process writes through the mapping reaches the file, and
// nothing faults: an operation caught in the middle goes on, on memory of its
// own that reads as zeros. (On Windows, as what was stored there last.)
//
// The kernel replaces the pages under the lock that page faults take, and
// flushes the translations before it releases it. So a thread that has seen a
// severed page cannot write to a page that is not severed.
//
// Where the platform cannot replace a mapping, Sever does nothing, and such an
// operation finishes on the file.
func (m *Mapping) Sever() error {
	err := sever(m.mem)
	if err == nil && !m.severed.Swap(true) {
		severed.Add(1)
	}
	return os.NewSyscallError("mmap", err)
}

// Unmap removes the mapping. Touching its memory afterwards is a fault.
func (m *Mapping) Unmap() error {
	mem := m.mem
	m.mem = nil
	if m.severed.Swap(false) {
		defer severed.Add(-1)
	}
	return os.NewSyscallError("munmap", unmap(mem))
}

// Populate makes every page of the mapping present, so that no first touch
// takes a page fault.
func (m *Mapping) Populate() error {
	return os.NewSyscallError("madvise", populate(m.mem))
}

// HugePages asks for huge pages. It is an error if the platform refuses.
func (m *Mapping) HugePages() error {
	return os.NewSyscallError("madvise", hugePages(m.mem))
}
