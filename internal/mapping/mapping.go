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

// ErrSpace reports that there is too little memory.
var ErrSpace = errors.New("not enough space")

// errTorn reports that Sever has failed, and may have left a hole.
var errTorn = errors.New("the memory may be gone")

// Mapping is a file mapped into memory.
type Mapping struct {
	mem     []byte
	spare   spare
	severed atomic.Bool
	torn    bool // written by Sever, read by Unmap
}

// severed counts the mappings that are severed and not unmapped: they are good
// for nothing but their addresses.
var severed atomic.Int64

// Map maps the first size bytes of f, which the file must have: touching a page
// past its end is a fault.
//
// Map also takes all that Sever will need: on Linux as many addresses again and,
// where the kernel counts its promises of memory, a promise of as much. Too little
// of that is ErrSpace.
func Map(f *os.File, size int) (*Mapping, error) {
	for wait := time.Millisecond; ; wait *= 2 {
		left := severed.Load() // before the try: they may go right after it
		m, err := mapAll(f, size)
		if !errors.Is(err, errNoRoom) || left == 0 || wait > time.Second {
			return m, os.NewSyscallError("mmap", err)
		}
		// Severed mappings may fill the address space of a 32-bit process, or hold what
		// the kernel has promised, until the collector finds that nobody can touch them;
		// it sees no reason to hurry.
		runtime.GC()
		time.Sleep(wait) // cleanups run after the collection
	}
}

func mapAll(f *os.File, size int) (*Mapping, error) {
	s, err := newSpare(size)
	if err != nil {
		return nil, err
	}
	mem, err := mapFile(f, size)
	if err != nil {
		s.free()
		return nil, err
	}
	return &Mapping{mem: mem, spare: s}, nil
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
// operation finishes on the file. So it does if Sever fails.
func (m *Mapping) Sever() error {
	err := m.spare.sever(m.mem)
	m.torn = errors.Is(err, errTorn)
	if err == nil && !m.severed.Swap(true) {
		severed.Add(1)
	}
	return os.NewSyscallError("mmap", err)
}

// Unmap removes the mapping. Touching its memory afterwards is a fault.
func (m *Mapping) Unmap() error {
	mem := m.mem
	m.mem = nil
	m.spare.free()
	if m.torn {
		return nil // whoever maps something next may have got these addresses
	}
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
