//go:build linux && (amd64 || arm64) && !isthmus_nofutex

package killtest_test

import (
	"io"
	"io/fs"
	"slices"
	"syscall"

	"github.com/isthmus-go/isthmus/ring"
	"github.com/isthmus-go/isthmus/shm"
)

// operations is the table.
var operations []operation

func init() {
	operations = slices.Concat(
		locks, recursiveLocks(), rwLocks(), events(), onces(), waitGroups(), barriers(), conds(),
		values(), entries(), reads(), semaphores(),
		pushes(), pops(), casts(), works(),
		pipes(), closings(), leavings(), repairs(), attachments(),
	)
	operations = append(operations, inC(operations)...)
	codes["died"] = shm.ErrOwnerDied
	codes["broken"] = shm.ErrBroken
	codes["full"] = ring.ErrFull
	codes["empty"] = ring.ErrEmpty
	codes["closed"] = ring.ErrClosed
	codes["exist"] = fs.ErrExist
	codes["taken"] = ring.ErrRoleTaken
	codes["inuse"] = shm.ErrInUse
	codes["eof"] = io.EOF
	codes["reset"] = syscall.ECONNRESET
	codes["pipe"] = syscall.EPIPE
	codes["shut"] = shm.ErrSegmentClosed
}
