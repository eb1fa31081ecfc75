package shm

import (
	"fmt"

	"github.com/isthmus-go/isthmus/internal/liveness"
)

// Peer is one attachment to a segment: one Segment of a process. A process may
// have several.
type Peer struct {
	// ID identifies the attachment. No other attachment to the segment ever has
	// the same ID.
	ID uint64
	// Slot is the place of the attachment in the process table, from 0 to
	// Options.MaxProcs - 1. Another attachment may have it later.
	Slot int
	// PID is the id of the process. It is 0 if the process is in another PID
	// namespace, such as another container, where its id has no meaning for this
	// process. It is also 0 if this process cannot find its own namespace, for
	// example without /proc. The process may have ended when PID is used, and
	// another process may have the same id.
	PID int
	// Self reports whether the attachment is the Segment whose method returned
	// this Peer.
	Self bool
}

// Peers returns the attachments to the segment whose processes are alive at the
// moment, in the order of their slots. The result includes this Segment. A
// stopped process is alive. Peers fails with [ErrSegmentClosed] if this Segment
// is closed.
func (s *Segment) Peers() ([]Peer, error) {
	var peers []Peer
	for _, p := range s.core.Peers() {
		peers = append(peers, Peer{uint64(p.ID), p.Slot, p.PID, p.ID == s.core.ID()})
	}
	if s.core.Closed() {
		return nil, s.peersError(ErrSegmentClosed)
	}
	return peers, nil
}

func (s *Segment) peersError(err error) error {
	return fmt.Errorf("isthmus: peers of segment %q: %w", s.Name(), err)
}

// left reports whether a peer that is gone was closed in order.
func (s *Segment) left(p Peer) bool { return s.core.Left(p.Slot, liveness.ID(p.ID)) }
