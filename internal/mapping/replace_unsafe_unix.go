//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd || solaris

package mapping

import (
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Severs reports whether Sever does anything.
func Severs() bool { return true }

// replace maps private memory over mem. The kernel takes mem away before it knows
// whether it has memory, or a file, for what comes there: those two failures may
// leave a hole, while all others come before it has done anything.
//
// A shared mapping that nobody shares is as private as a private one, but does not
// count as data: Close must not fail at the limit of that, nor use it up.
func replace(mem []byte) error {
	_, err := unix.MmapPtr(-1, 0, start(mem), uintptr(len(mem)),
		unix.PROT_READ|unix.PROT_WRITE, unix.MAP_FIXED|unix.MAP_SHARED|unix.MAP_ANON|noReserve)
	if err == unix.ENOMEM || err == unix.ENFILE {
		return fmt.Errorf("%w: %w", errTorn, err)
	}
	return err
}

func start(mem []byte) unsafe.Pointer { return unsafe.Pointer(unsafe.SliceData(mem)) }
