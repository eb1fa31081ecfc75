//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd || solaris

package mapping

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// Severs reports whether Sever does anything.
func Severs() bool { return true }

// A shared mapping that nobody shares is as private as a private one, but does not
// count as data: Close must not fail at the limit of that, nor use it up.
func sever(mem []byte) error {
	_, err := unix.MmapPtr(-1, 0, unsafe.Pointer(unsafe.SliceData(mem)), uintptr(len(mem)),
		unix.PROT_READ|unix.PROT_WRITE, unix.MAP_FIXED|unix.MAP_SHARED|unix.MAP_ANON|noReserve)
	return err
}
