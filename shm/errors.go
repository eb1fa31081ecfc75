package shm

import (
	"errors"

	"github.com/isthmus-go/isthmus/internal/segment"
)

// These are the errors to test for with errors.Is. The errors that are returned
// wrap them, and name the operation, the segment and the reason.
//
// Some errors wrap a value of the standard library. Create returns fs.ErrExist if
// the segment exists. Open returns fs.ErrNotExist if the segment does not exist.
// A missing permission is fs.ErrPermission. A nil context, a nil file or an
// impossible mode is fs.ErrInvalid. A feature that the platform does not have is
// errors.ErrUnsupported.
var (
	// ErrName reports a name that a segment or an object cannot have.
	ErrName = segment.ErrName
	// ErrSize reports a size, capacity or limit that a segment or an object
	// cannot have.
	ErrSize = segment.ErrSize
	// ErrSpace reports that the file system, or the memory behind it, is too
	// full for a new segment. Where the kernel does not overcommit memory, it
	// also reports that there is too little memory to attach to a segment.
	ErrSpace = segment.ErrSpace
	// ErrNotPlain reports an element type that cannot be shared.
	ErrNotPlain = segment.ErrNotPlain
	// ErrMismatch reports that what exists differs from what was requested, or
	// that it was created by another version or on another architecture. If two
	// types differ, the error names the first field that differs.
	ErrMismatch = segment.ErrMismatch
	// ErrCorrupt reports a file that is not a segment, or a damaged segment.
	ErrCorrupt = segment.ErrCorrupt
	// ErrUntrusted reports a segment file that belongs to a user who is not
	// trusted.
	ErrUntrusted = segment.ErrUntrusted
	// ErrNoRoom reports that there is no room for another process, for another
	// object, or for the bytes of an object.
	ErrNoRoom = segment.ErrFull
	// ErrInUse reports that an object cannot be removed because a live process
	// uses it.
	ErrInUse = segment.ErrInUse
	// ErrSegmentClosed reports the use of a Segment, or of an object in it,
	// after Close.
	ErrSegmentClosed = segment.ErrClosed
	// ErrOwnerDied reports that the owner of a Lock died while it held the lock,
	// and that no later owner has called MarkConsistent since. The caller holds
	// the lock. The same is true for a RecursiveLock and an RWLock. For a WaitGroup with ReportDead, it
	// reports that a process died with counts.
	ErrOwnerDied = errors.New("owner died holding it")
)
