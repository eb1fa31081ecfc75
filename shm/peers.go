package shm

import (
	"fmt"

	"github.com/isthmus-go/isthmus/internal/liveness"
)

// Peer is one attachment to a segment: a Segment of some process, which may have
// several.
type Peer struct {
	// ID names the attachment. No other attachment to the segment ever has it.
	ID uint64
	// Slot is the attachment's place in the process table, from 0 to one less than
	// Options.MaxProcs. Another one may have it later.
	Slot int
	// PID is the id of the process. It is 0 if the process is in another PID namespace,
	// as in another container, where its id is of no use here, and if this process
	// cannot find out its own namespace, as without /proc. The process may have ended
	// by the time PID is used, and another process have that id.
	PID int
	// Self says that the attachment is the Segment that was asked.
	Self bool
}

// Peers returns the attachments to the segment whose processes are alive at the moment,
// this one included, in the order of their slots. A stopped process is alive. Peers fails
// with ErrSegmentClosed once this Segment is closed.
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
