package mapping

import (
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A spare is private memory of the size of a mapping, made before it, that waits to
// take its place. Nobody may touch it until then, so that it costs addresses only, also
// where all that is mapped is locked and so has to be there (mlockall(2)); and a promise
// of memory, where the kernel counts those (vm.overcommit_memory=2), for it must be there
// when a severed page is touched.
type spare []byte

// newSpare makes a spare. Where all that is mapped from now on gets locked, it must not
// count when the file is mapped. If it cannot be unlocked, it just counts.
func newSpare(size int) (spare, error) {
	const flags = unix.MAP_SHARED | unix.MAP_ANON | noReserve
	addr, err := unix.MmapPtr(-1, 0, nil, uintptr(size), unix.PROT_NONE, flags)
	if err == unix.ENOMEM && addresses(size) {
		err = fmt.Errorf("%w: vm.overcommit_memory has the kernel promise %d bytes for the time after Close, which it cannot: %w",
			ErrSpace, size, err)
	}
	if err != nil {
		return nil, err
	}
	s := spare(unsafe.Slice((*byte)(addr), size))
	unix.Munlock(s)
	return s, nil
}

// addresses reports whether there is room for a mapping that needs no memory.
func addresses(size int) bool {
	addr, err := unix.MmapPtr(-1, 0, nil, uintptr(size), unix.PROT_NONE, unix.MAP_PRIVATE|unix.MAP_ANON)
	if err == nil {
		unix.MunmapPtr(addr, uintptr(size))
	}
	return err == nil
}

// sever lets the spare be touched, and moves it to where mem is, by one call that does
// not fail half way. The kernel does all of it under the lock that page faults take
// (mremap_to in mm/mremap.c). What it refuses, it refuses before it unmaps mem: too
// many mappings, sealed ones, bad arguments. The move itself needs nothing that can be
// lacking, since the size stays the same: no promise of memory, no addresses, no locked
// memory, and no page tables, for nothing of the spare has been touched. There remains
// the kernel's own record of a mapping, some 200 bytes.
//
// (Before Linux 5.1, and by a race with four other mappings from 6.16 on, a process at
// the limit of mappings is refused only after mem is gone.)
//
// A refusal, in a sandbox or at the limit of mappings, leaves replace, which gets what
// the spare had.
func (s *spare) sever(mem []byte) error {
	size := uintptr(len(mem))
	err := unix.Mprotect(*s, unix.PROT_READ|unix.PROT_WRITE)
	if err == nil {
		_, err = unix.MremapPtr(start(*s), size, start(mem), size, unix.MREMAP_MAYMOVE|unix.MREMAP_FIXED)
	}
	if err != nil {
		s.free()
		return replace(mem)
	}
	*s = nil
	return nil
}

// free gives the spare back, if sever has not used it.
func (s *spare) free() {
	if *s != nil {
		unix.MunmapPtr(start(*s), uintptr(len(*s)))
		*s = nil
	}
}
