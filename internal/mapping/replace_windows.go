package mapping

import (
	"sync"

	"golang.org/x/sys/windows"
)

// replace makes every page of the view copy-on-write: a store goes to a copy of
// the page from then on, while loads of other pages still see what others store.
func replace(mem []byte) error {
	if !Severs() {
		return nil
	}
	return copyOnWrite(mem)
}

func copyOnWrite(mem []byte) error {
	var old uint32
	return windows.VirtualProtect(address(mem), uintptr(len(mem)), windows.PAGE_WRITECOPY, &old)
}

// Severs reports whether Sever does anything, which it finds out by trying: Wine
// says yes, and goes on to share the memory.
var Severs = sync.OnceValue(func() bool {
	const size = 65536
	section, err := windows.CreateFileMapping(windows.InvalidHandle, nil, windows.PAGE_READWRITE, 0, size, nil)
	if err != nil {
		return false
	}
	defer windows.CloseHandle(section)
	a, err := mapView(section, size, windows.FILE_MAP_WRITE)
	if err != nil {
		return false
	}
	defer unmap(a)
	b, err := mapView(section, size, windows.FILE_MAP_WRITE)
	if err != nil {
		return false
	}
	defer unmap(b)
	if copyOnWrite(a) != nil {
		return false
	}
	a[0] = 1
	return b[0] == 0
})
