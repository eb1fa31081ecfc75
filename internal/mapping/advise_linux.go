package mapping

import (
	"golang.org/x/sys/unix"
)

func populate(mem []byte) error {
	for {
		switch err := unix.Madvise(mem, unix.MADV_POPULATE_WRITE); err {
		case unix.EINTR:
		case unix.EINVAL: // before Linux 5.14
			touch(mem)
			return nil
		default:
			return err
		}
	}
}

func hugePages(mem []byte) error {
	return unix.Madvise(mem, unix.MADV_HUGEPAGE)
}

// noReserve keeps Map from failing for want of memory that nobody will touch, unless
// the kernel is told to count every promise.
const noReserve = unix.MAP_NORESERVE
