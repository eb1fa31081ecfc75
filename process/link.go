package process

import (
	"context"
	"encoding/binary"
	"fmt"

	"github.com/isthmus-go/isthmus/ring"
	"github.com/isthmus-go/isthmus/shm"
)

// A link is the two rings between the parent and one worker, in a segment of their own: what
// a worker that has died has left there goes with it. A message of any length
// goes in pieces, one after another: each side of a link has one sender. Whoever receives takes
// all that comes, and waits for nothing else, so that two large messages that pass each other do
// not hold each other up.

// A kind says what a message is. Those up to isUnknown are outcomes.
type kind uint8

const (
	isResult kind = iota + 1
	isError
	isPanic
	isUnencodable // the argument, or the result
	isUnknown     // no such task in the worker

	isReady // the worker has run Init
	isWant  // it wants the argument of a ticket

	isArgument // the parent sends it
	isCall     // the worker is to rest no more
	isRecall   // what the ticket is for, is not to run, or to end; or there is no such argument
)

// A header is before each piece.
type header struct {
	kind   kind
	flags  uint8
	index  uint16 // which element of a chunk
	took   uint32 // µs, of the elements of the chunk up to this one
	ticket ticket
}

const (
	headerSize = 16

	more      = 1 // another piece follows
	continues = 2 // the piece before

	linkCapacity = 128 << 10 // of each ring
	pieceSize    = 32 << 10  // of a message, and so half of the ring stays free for the other half
)

func (h header) put(b []byte) {
	b[0], b[1] = byte(h.kind), h.flags
	binary.LittleEndian.PutUint16(b[2:], h.index)
	binary.LittleEndian.PutUint32(b[4:], h.took)
	binary.LittleEndian.PutUint32(b[8:], h.ticket.gate)
	binary.LittleEndian.PutUint32(b[12:], h.ticket.serial)
}

// cutHeader cuts the header off a piece.
func cutHeader(b []byte) (h header, rest []byte, err error) {
	if len(b) < headerSize {
		return h, nil, fmt.Errorf("isthmus: message of %d bytes: %w", len(b), shm.ErrCorrupt)
	}
	return header{
		kind: kind(b[0]), flags: b[1],
		index: binary.LittleEndian.Uint16(b[2:]), took: binary.LittleEndian.Uint32(b[4:]),
		ticket: ticket{binary.LittleEndian.Uint32(b[8:]), binary.LittleEndian.Uint32(b[12:])},
	}, b[headerSize:], nil
}

// send sends a message, in pieces. Between two of them it stops if wanted, which may be nil,
// says so: the receiver forgets what it has when the next message comes.
func send(ctx context.Context, p *ring.BytesProducer, h header, data []byte, wanted func() bool) error {
	for {
		piece := data[:min(len(data), pieceSize)]
		if h.flags &^= more; len(piece) < len(data) {
			h.flags |= more
		}
		b, err := p.Reserve(ctx, headerSize+len(piece))
		if err != nil {
			return err
		}
		h.put(b)
		copy(b[headerSize:], piece)
		if err := p.Commit(len(b)); err != nil {
			return err
		}
		if h.flags&more == 0 {
			return nil
		}
		data = data[len(piece):]
		h.flags |= continues
		if wanted != nil && !wanted() {
			return nil
		}
	}
}

// An assembly puts the pieces of messages together.
type assembly struct{ kept []byte }

// add returns the message that a piece completes, if it does. If the piece continues others, the
// message is memory of its own, or else it is the piece.
func (a *assembly) add(b []byte) (h header, data []byte, whole bool, err error) {
	h, data, err = cutHeader(b)
	if err != nil {
		return h, nil, false, err
	}
	if h.flags&continues == 0 {
		a.kept = nil
		if h.flags&more == 0 {
			return h, data, true, nil
		}
	}
	a.kept = append(a.kept, data...)
	if h.flags&more != 0 {
		return h, nil, false, nil
	}
	data, a.kept = a.kept, nil
	return h, data, true, nil
}

// The names of the rings.
const (
	toParent = "out"
	toWorker = "in"
)

func newLinkRings(s *shm.Segment) (out, in *ring.Bytes, err error) {
	if out, err = ring.NewBytes(s, toParent, linkCapacity); err == nil {
		in, err = ring.NewBytes(s, toWorker, linkCapacity)
	}
	return out, in, err
}
