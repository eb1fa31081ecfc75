package shm

import (
	"context"
	"fmt"
	"io/fs"
	"iter"
	"slices"
	"time"
)

// PeerEvent reports a change of a Peer.
type PeerEvent struct {
	Peer
	Change PeerChange
}

// PeerChange is the kind of change of a Peer.
type PeerChange int

const (
	PeerJoined PeerChange = iota + 1 // the peer has attached
	PeerLeft                         // the peer's Segment was closed
	PeerDied                         // the peer's process ended without closing the Segment
)

// String returns "joined", "left" or "died".
func (c PeerChange) String() string {
	switch c {
	case PeerJoined:
		return "joined"
	case PeerLeft:
		return "left"
	case PeerDied:
		return "died"
	}
	return fmt.Sprintf("PeerChange(%d)", int(c))
}

// WatchPeers returns an iterator over the changes of the peers. It yields each
// event with a nil error. First it reports the peers that are already attached,
// including this Segment, as joined. Then it looks for changes every 20 ms. When
// ctx ends or the Segment is closed, it yields that error once, and ends. It
// looks only while the loop waits for the next event. It leaves nothing behind.
//
// Each peer that has joined either leaves once or dies once. If a peer joins and
// is gone before the next look, WatchPeers does not report it. In one case
// WatchPeers reports that a peer died although it left: other peers took its slot
// between two looks, one of them left too, and one of them died.
func (s *Segment) WatchPeers(ctx context.Context) iter.Seq2[PeerEvent, error] {
	return func(yield func(PeerEvent, error) bool) {
		var known []Peer
		err := s.checkContext(ctx)
		for err == nil {
			var now []Peer
			var events []PeerEvent
			if now, events, err = s.look(known); err != nil {
				break
			}
			known = now
			for _, e := range events {
				if !yield(e, nil) {
					return
				}
			}
			err = s.pause(ctx)
		}
		yield(PeerEvent{}, err)
	}
}

// look returns the peers, and what has happened since they were those known.
func (s *Segment) look(known []Peer) (now []Peer, events []PeerEvent, err error) {
	if now, err = s.Peers(); err != nil {
		return nil, nil, err
	}
	for _, p := range known {
		if !among(now, p) {
			change := PeerDied
			if s.left(p) {
				change = PeerLeft
			}
			events = append(events, PeerEvent{p, change})
		}
	}
	for _, p := range now {
		if !among(known, p) {
			events = append(events, PeerEvent{p, PeerJoined})
		}
	}
	if s.core.Closed() {
		return nil, nil, s.peersError(ErrSegmentClosed)
	}
	return now, events, nil
}

// among reports whether p is one of peers, which are in the order of their slots.
func among(peers []Peer, p Peer) bool {
	i, ok := slices.BinarySearchFunc(peers, p, func(a, b Peer) int { return a.Slot - b.Slot })
	return ok && peers[i].ID == p.ID
}

// lookEvery is how long WatchPeers pauses between two looks.
const lookEvery = 20 * time.Millisecond

// pause waits until it is time to look again, or ctx ends.
func (s *Segment) pause(ctx context.Context) error {
	t := time.NewTimer(lookEvery)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
	return s.checkContext(ctx)
}

func (s *Segment) checkContext(ctx context.Context) error {
	if ctx == nil {
		return s.peersError(fmt.Errorf("nil context: %w", fs.ErrInvalid))
	}
	if err := ctx.Err(); err != nil {
		return s.peersError(err)
	}
	return nil
}
