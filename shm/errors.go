package shm

import (
	"errors"

	"github.com/isthmus-go/isthmus/internal/segment"
)

// Errors to be tested for by errors.Is. The errors that are returned wrap them
// and name the operation, the segment and what is wrong. Besides, Create on a
// segment that exists is fs.ErrExist, Open on one that does not fs.ErrNotExist,
// a lack of rights fs.ErrPermission, a nil context or file or an impossible mode
// fs.ErrInvalid, and what a platform does not have errors.ErrUnsupported.
var (
	// ErrName reports a name that no segment, or no object, can have.
	ErrName = segment.ErrName
	// ErrSize reports a size, capacity or limit that no segment, or no object,
	// can have.
	ErrSize = segment.ErrSize
	// ErrSpace reports that the file system or the memory behind it is too
	// full for a new segment or, where the kernel promises no more memory than
	// it has, for an attachment to one.
	ErrSpace = segment.ErrSpace
	// ErrNotPlain reports an element type that cannot be shared.
	ErrNotPlain = segment.ErrNotPlain
	// ErrMismatch reports that what exists is not what was asked for, or was
	// made by another version or on another architecture. Of two types that differ, the
	// error names the first field that does.
	ErrMismatch = segment.ErrMismatch
	// ErrCorrupt reports a file that is no segment, or a damaged one.
	ErrCorrupt = segment.ErrCorrupt
	// ErrUntrusted reports a segment file of a user who is not trusted.
	ErrUntrusted = segment.ErrUntrusted
	// ErrNoRoom reports that there is no room left: for another process, for
	// another object, or for the bytes of an object.
	ErrNoRoom = segment.ErrFull
	// ErrInUse reports that an object cannot be removed, for somebody who is alive
	// uses it.
	ErrInUse = segment.ErrInUse
	// ErrSegmentClosed reports the use of a Segment, or of an object in it, after
	// Close.
	ErrSegmentClosed = segment.ErrClosed
	// ErrOwnerDied reports that the owner of a Lock died holding it, and that
	// nobody has declared what it protects consistent since. The caller holds
	// the lock.
	ErrOwnerDied = errors.New("owner died holding it")
)
