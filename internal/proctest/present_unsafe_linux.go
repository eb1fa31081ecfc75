package proctest

import (
	"encoding/binary"
	"os"
	"unsafe"
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
	size := os.Getpagesize()
	entries := make([]byte, (len(mem)+size-1)/size*8)
	first := uintptr(unsafe.Pointer(unsafe.SliceData(mem))) / uintptr(size)
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
