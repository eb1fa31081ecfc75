package proctest

import (
	"encoding/binary"
	"errors"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Present returns how many pages of mem this process has in its page table, so that
// their next access is no page fault, and how many there are. It is an error where the
// kernel does not say. mem starts with a page.
func Present(mem []byte) (present, pages int, err error) {
	f, err := os.Open("/proc/self/pagemap")
	if err != nil {
		return 0, 0, err
	}
	defer f.Close()
	control, err := unix.Mmap(-1, 0, 64*os.Getpagesize(), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON)
	if err != nil {
		return 0, 0, err
	}
	defer unix.Munmap(control)
	if unix.Madvise(control, unix.MADV_POPULATE_WRITE) != nil {
		for i := range control {
			control[i] = 1
		}
	}
	if present, pages, err = count(f, control); err == nil && present < pages {
		err = errors.New("madvise does nothing, or /proc/self/pagemap is not of this process: an emulator's")
	}
	if err != nil {
		return 0, 0, err
	}
	return count(f, mem)
}

// count counts the pages of mem in a page map.
func count(f *os.File, mem []byte) (present, pages int, err error) {
	size := uintptr(os.Getpagesize())
	start := uintptr(unsafe.Pointer(unsafe.SliceData(mem)))
	first := start / size
	entries := make([]byte, (start+uintptr(len(mem))+size-1)/size*8-first*8)
	if _, err := f.ReadAt(entries, int64(first)*8); err != nil {
		return 0, 0, err
	}
	for e := range len(entries) / 8 {
		if binary.NativeEndian.Uint64(entries[8*e:])>>63 != 0 {
			present++
		}
	}
	return present, len(entries) / 8, nil
}
