package segment

import (
	"runtime"

	"github.com/isthmus-go/isthmus/internal/liveness"
)

// Peers returns the attachments that are alive, in the order of their slots.
func (s *Segment) Peers() ([]liveness.Peer, error) {
	peers := s.table.Peers()
	runtime.KeepAlive(s)
	if s.Closed() {
		return nil, wrap("peers of", s.name, ErrClosed)
	}
	return peers, nil
}

// Left reports whether an attachment that is not among the Peers any more was closed. If
// not, its process died.
func (s *Segment) Left(p liveness.Peer) bool {
	left := s.table.Left(p.Slot, p.ID)
	runtime.KeepAlive(s)
	return left
}
