package ring

import (
	"errors"
	"fmt"

	"github.com/isthmus-go/isthmus/shm"
)

// The errors of the rings. Operations that push or pop return ErrFull, ErrEmpty
// and ErrClosed as they are. Other errors may be wrapped, with the ring's name:
// use errors.Is to test for them. If the Segment of a ring is closed, operations
// on the ring return an error that wraps [shm.ErrSegmentClosed].
var (
	// ErrFull is returned by a try operation that found no free slot.
	ErrFull = errors.New("ring is full")
	// ErrEmpty is returned by a try operation that found no message.
	ErrEmpty = errors.New("ring is empty")
	// ErrClosed is returned by a push to a closed ring, and by a pop from a ring
	// that is closed and drained.
	ErrClosed = errors.New("ring is closed")
	// ErrRoleTaken is returned by Producer or Consumer if a live process already
	// has that role of a single-producer single-consumer ring.
	ErrRoleTaken = errors.New("role is taken by a live process")
	// ErrDetached is returned by operations of a producer or consumer after its
	// Detach.
	ErrDetached = errors.New("role was given up")
	// ErrNotReserved is returned by a Commit without a Reserve before it, by a
	// Release without a Next before it, and by an Ack or Nack of a task that is
	// not held any more.
	ErrNotReserved = errors.New("nothing is reserved")
	// ErrTooLarge is returned for a message that is too long for the ring, even
	// if the ring is empty.
	ErrTooLarge = errors.New("message is too large")
	// ErrCapacity is returned for a capacity that a ring cannot have.
	ErrCapacity = errors.New("invalid capacity")
	// ErrPeerDied is returned by operations that wait, on a handle with the
	// option [FailOnDeath]. It means that no live process is at the other end,
	// and that a process at the other end has died. The error is not permanent:
	// if a successor takes the other end, the operations work again.
	ErrPeerDied = errors.New("peer died")
	// ErrLapped is returned by a pop from a [Broadcast] that loses messages, to a
	// subscriber that has missed some. The error is a [*LappedError].
	ErrLapped = errors.New("subscriber was lapped")
	// ErrEvicted is returned to a subscriber after [Broadcast.Evict].
	ErrEvicted = errors.New("subscriber was evicted")
	// ErrCorrupt is [shm.ErrCorrupt]. The shared memory holds a value that no
	// process could have written if it follows the protocol.
	ErrCorrupt = shm.ErrCorrupt
)

// LappedError tells how many messages a subscriber of a [Broadcast] has missed. It
// wraps [ErrLapped].
type LappedError struct {
	Missed uint64
}

// Error returns the text of the error.
func (e *LappedError) Error() string {
	return fmt.Sprintf("%v: %d messages were missed", ErrLapped, e.Missed)
}

// Unwrap returns ErrLapped.
func (e *LappedError) Unwrap() error { return ErrLapped }
