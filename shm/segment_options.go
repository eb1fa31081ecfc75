package shm

import (
	"io/fs"

	"github.com/isthmus-go/isthmus/internal/segment"
)

// Options say how a segment is made or opened. A nil *Options and the zero value
// stand for the defaults.
type Options struct {
	// Mode is the permission bits of the file of a new segment, exactly: no
	// umask applies. They must let the owner read and write. 0 stands for 0600.
	//
	// Whoever may read the file can lock bytes of it, and by that keep new
	// processes from attaching: let only those read it who may do that.
	Mode fs.FileMode

	// Dir is the directory of the segment's file. It must exist. "" stands for
	// the environment variable ISTHMUS_DIR if that is set, else for /dev/shm
	// where that is a tmpfs, else for os.TempDir.
	Dir string

	// TrustedUIDs lists the users, besides the effective one of this process,
	// whose segments may be opened.
	//
	// On Linux one uid, 65534 (/proc/sys/fs/overflowuid), stands for all users
	// whom the user namespace of this process does not map. It is trusted only
	// if it is listed, and with it all of them. So a process that has that uid
	// itself, because it is not mapped or because it is the user nobody, must
	// list it; else also Create fails, with ErrUntrusted.
	TrustedUIDs []int

	// MaxProcs is how many Segments can be attached to a new segment at one
	// time, 1 to 1024. 0 stands for 128.
	MaxProcs int

	// MaxObjects is how many objects a new segment can have, 1 to 65536. 0
	// stands for 128.
	MaxObjects int

	// Populate makes all pages present at once, so that no first access takes
	// a page fault. It takes time in proportion to the size.
	Populate bool

	// HugePages asks for huge pages, and fails where the kernel refuses. It may
	// accept and still use small ones; see madvise(2), MADV_HUGEPAGE.
	HugePages bool

	// MustExist makes every constructor of an object in this Segment find the
	// object and never make it: one that does not exist is fs.ErrNotExist. So a
	// mistyped name is an error. The process that makes the objects leaves it false.
	MustExist bool

	// Version is the application's own number, for a meaning of the objects that
	// changes although their types do not. A new segment has it for good. To open
	// one of another version is ErrMismatch, and the error names both.
	Version uint64
}

func (o *Options) internal() *segment.Options {
	return (*segment.Options)(o)
}
