package ring

import (
	"errors"

	"github.com/isthmus-go/isthmus/shm"
)

// The errors of the rings. TryPush and its like return ErrFull, ErrEmpty and
// ErrClosed as they are; others come wrapped with the ring's name. Operations
// on a ring whose Segment is closed return an error that wraps [shm.ErrSegmentClosed].
var (
	// ErrFull is returned by a try operation that found no free slot.
	ErrFull = errors.New("ring is full")
	// ErrEmpty is returned by a try operation that found no message.
	ErrEmpty = errors.New("ring is empty")
	// ErrClosed is returned by a push to a closed ring, and by a pop from a
	// ring that is closed and drained.
	ErrClosed = errors.New("ring is closed")
	// ErrRoleTaken is returned to a second live producer or consumer of a
	// single-producer single-consumer ring.
	ErrRoleTaken = errors.New("role is taken by a live process")
	// ErrDetached is returned by operations of a producer or consumer that
	// has given its role up.
	ErrDetached = errors.New("role was given up")
	// ErrNotReserved is returned by a Commit or Release that no Reserve or
	// Next went before.
	ErrNotReserved = errors.New("nothing is reserved")
	// ErrTooLarge is returned for a message that the ring can never hold.
	ErrTooLarge = errors.New("message is too large")
	// ErrCapacity is returned for a capacity that a ring cannot have.
	ErrCapacity = errors.New("invalid capacity")
	// ErrPeerDied is returned by operations that wait, of a handle with the option
	// [FailOnDeath], when nobody alive is at the other end and somebody there has died.
	// It is not for ever: with a successor there, the operations go on.
	ErrPeerDied = errors.New("peer died")
	// ErrCorrupt is [shm.ErrCorrupt]: shared memory holds what no process
	// that keeps to the protocol could have written.
	ErrCorrupt = shm.ErrCorrupt
)
