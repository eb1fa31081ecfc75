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
	return mapAs(f, size, windows.PAGE_READWRITE, windows.FILE_MAP_WRITE)
}

func viewFile(f *os.File, size int) ([]byte, error) {
	return mapAs(f, size, windows.PAGE_READONLY, windows.FILE_MAP_READ)
}

func mapAs(f *os.File, size int, protection, access uint32) ([]byte, error) {
	conn, err := f.SyscallConn()
	if err != nil {
		return nil, err
	}
	var section windows.Handle
	cerr := conn.Control(func(fd uintptr) {
		high, low := uint32(uint64(size)>>32), uint32(size)
		section, err = windows.CreateFileMapping(windows.Handle(fd), nil, protection, high, low, nil)
	})
	if cerr != nil {
		return nil, cerr
	}
	if err != nil {
		return nil, err
	}
	defer windows.CloseHandle(section)
	return mapView(section, size, access)
}

func mapView(section windows.Handle, size int, access uint32) ([]byte, error) {
	addr, err := windows.MapViewOfFile(section, access, 0, 0, uintptr(size))
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
