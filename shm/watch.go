package shm

import (
	"context"
	"fmt"
	"io/fs"
	"iter"
	"slices"
	"time"
)

// PeerEvent says what has happened to a Peer.
type PeerEvent struct {
	Peer
	Change PeerChange
}

// PeerChange is what can happen to a Peer.
type PeerChange int

const (
	PeerJoined PeerChange = iota + 1 // it is attached
	PeerLeft                         // its Segment was closed
	PeerDied                         // its process has ended, and did not close the Segment
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

// WatchPeers returns an iterator over what happens to the peers, each event with a nil
// error. The peers that are attached already come first, this Segment among them, as
// joined. Then it looks for changes every 20 ms. When ctx ends or the Segment is closed,
// it yields that error once, and ends. It looks only while the loop waits for the next
// event, and leaves nothing behind.
//
// Each peer that has joined leaves once, or dies once. A peer that joins and is gone
// between two looks is not seen. A peer that has left is reported dead if, between two
// looks, its slot was taken by others, of whom one has left too and one has died.
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
