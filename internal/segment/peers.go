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

// Left reports whether an attachment that is dead and had that slot was closed in order.
func (s *Segment) Left(slot int, id liveness.ID) bool {
	left := s.table.Left(slot, id)
	runtime.KeepAlive(s)
	return left
}
