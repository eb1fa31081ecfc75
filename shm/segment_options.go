package shm

import (
	"io/fs"

	"github.com/isthmus-go/isthmus/internal/segment"
)

// Options say how a segment is created or opened. A nil *Options and the zero
// value mean the defaults.
type Options struct {
	// Mode sets the permission bits of the file of a new segment. They are
	// exact: the umask is not applied. They must let the owner read and write. 0
	// means 0600.
	//
	// A user who may read the file can lock bytes of it, and so prevent new
	// processes from attaching, and objects from being created or removed. Give
	// read permission only to users who may do that.
	Mode fs.FileMode

	// Dir is the directory of the segment's file. It must exist. "" means the
	// directory in the environment variable ISTHMUS_DIR, if it is set. Otherwise
	// "" means /dev/shm if that is a tmpfs, and os.TempDir if not.
	Dir string

	// TrustedUIDs lists users whose segments may be opened, in addition to the
	// effective user of this process.
	//
	// On Linux, the uid 65534 (/proc/sys/kernel/overflowuid) stands for all users
	// that the user namespace of this process does not map. This uid is trusted
	// only if it is listed, and then all of these users are trusted. A process
	// may have this uid itself, because its user is not mapped or is the user
	// nobody. Such a process must list the uid. Otherwise even Create fails,
	// with ErrUntrusted.
	TrustedUIDs []int

	// MaxProcs is how many Segments can be attached to a new segment at the same
	// time, from 1 to 1024. 0 means 128.
	MaxProcs int

	// MaxObjects is how many objects a new segment can have, from 1 to 65536. 0
	// means 128.
	MaxObjects int

	// Populate makes all pages present at once, so that no first access takes a
	// page fault. This takes time in proportion to the size.
	Populate bool

	// HugePages asks for huge pages. The call fails if the kernel refuses. The
	// kernel may accept and still use small pages; see madvise(2),
	// MADV_HUGEPAGE.
	HugePages bool

	// MustExist makes every constructor of an object in this Segment only find
	// objects, and never create one. If the object does not exist, the error is
	// fs.ErrNotExist. So a mistyped name is an error. The process that creates
	// the objects leaves MustExist false.
	MustExist bool

	// Version is a number that the application chooses. Change it when the
	// meaning of the objects changes but their types do not. A new segment keeps
	// its Version permanently. To open a segment of another Version fails with
	// ErrMismatch; the error names both numbers.
	Version uint64
}

func (o *Options) internal() *segment.Options {
	return (*segment.Options)(o)
}
