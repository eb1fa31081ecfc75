package segment

import (
	"runtime"
	"time"

	"github.com/isthmus-go/isthmus/internal/liveness"
)

// Peers returns the attachments that are alive, in the order of their slots.
func (s *Segment) Peers() []liveness.Peer {
	peers := s.table.Peers()
	runtime.KeepAlive(s)
	return peers
}

// Census returns a number that differs, in all likelihood, from the one before if an
// attachment has come since, or died more than age ago, or this one was closed.
func (s *Segment) Census(age time.Duration) uint64 {
	defer runtime.KeepAlive(s)
	if s.Closed() {
		return closedCensus
	}
	return s.table.Census(age)
}

const closedCensus = 1

// Left reports whether an attachment that is dead and had that slot was closed in order.
func (s *Segment) Left(slot int, id liveness.ID) bool {
	left := s.table.Left(slot, id)
	runtime.KeepAlive(s)
	return left
}
