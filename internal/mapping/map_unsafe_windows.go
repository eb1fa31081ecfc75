package mapping

import (
	"os"
	"unsafe"

	"golang.org/x/sys/windows"
)

// mapFile needs no handle besides the file's: a view keeps its section. (mmap-go
// keeps the file's handle and flushes the file when it unmaps, by when the handle
// is closed here.)
func mapFile(f *os.File, size int) ([]byte, error) {
	conn, err := f.SyscallConn()
	if err != nil {
		return nil, err
	}
	var section windows.Handle
	cerr := conn.Control(func(fd uintptr) {
		high, low := uint32(uint64(size)>>32), uint32(size)
		section, err = windows.CreateFileMapping(windows.Handle(fd), nil, windows.PAGE_READWRITE, high, low, nil)
	})
	if cerr != nil {
		return nil, cerr
	}
	if err != nil {
		return nil, err
	}
	defer windows.CloseHandle(section)
	return mapView(section, size)
}

func mapView(section windows.Handle, size int) ([]byte, error) {
	addr, err := windows.MapViewOfFile(section, windows.FILE_MAP_WRITE, 0, 0, uintptr(size))
	if err != nil {
		return nil, err
	}
	mem := struct {
		addr     uintptr
		len, cap int
	}{addr, size, size}
	return *(*[]byte)(unsafe.Pointer(&mem)), nil
}

func unmap(mem []byte) error { return windows.UnmapViewOfFile(address(mem)) }

func address(mem []byte) uintptr { return uintptr(unsafe.Pointer(unsafe.SliceData(mem))) }
