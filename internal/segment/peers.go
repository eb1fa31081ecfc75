package segment

import (
	"runtime"

	"github.com/isthmus-go/isthmus/internal/liveness"
)

// Peers returns the attachments that are alive, in the order of their slots.
func (s *Segment) Peers() []liveness.Peer {
	peers := s.table.Peers()
	runtime.KeepAlive(s)
	return peers
}

// Census returns a number that differs, in all likelihood, from the one before if an
// attachment has come or died since, or this one was closed.
func (s *Segment) Census() uint64 {
	n := s.table.Census()
	runtime.KeepAlive(s)
	if s.Closed() {
		return ^n
	}
	return n
}

// Left reports whether an attachment that is dead and had that slot was closed in order.
func (s *Segment) Left(slot int, id liveness.ID) bool {
	left := s.table.Left(slot, id)
	runtime.KeepAlive(s)
	return left
}
