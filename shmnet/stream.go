package shmnet

import (
	"fmt"
	"io"
	"math/bits"
	"sync/atomic"
	"time"

	"github.com/isthmus-go/isthmus/internal/arch"
	"github.com/isthmus-go/isthmus/internal/layout"
	"github.com/isthmus-go/isthmus/internal/race"
	"github.com/isthmus-go/isthmus/internal/wait"
	"github.com/isthmus-go/isthmus/shm"
)

// The protocol of a stream.
//
// A stream carries bytes one way, from the sender's process to the receiver's. Byte p of it
// lies at (start + p) mod capacity. Each side has its own line of words:
//
//	0    tail          bits 0-62 how many bytes were sent; bit 63 (end) that there come no more
//	8    data   Event  the receiver sleeps on it, the sender loads it at each step
//	128  head          bits 0-62 how many bytes were received; bit 63 (end) that nobody will receive more
//	136  room   Event  the sender sleeps on it, the receiver loads it at each step
//
// States of tail and of head: open, ended. The count grows only while it is open.
//
// Invariants
//
//  1. Only the sender changes tail, and only the receiver head; each knows its own count
//     without a look (pos). What it loads of the other's word it checks, once, before it
//     uses it: the other may be hostile.
//  2. 0 <= tail - head <= capacity. The bytes in [head, tail) are the receiver's, all others
//     the sender's.
//  3. The end is for good, and whoever sets it changes nothing else: it may come from another
//     goroutine at any instant. A count grows by a compare-and-swap that expects the word to
//     be open. So no byte is sent after the end, and tail tells in one load
//     how many bytes there are and that they are all.
//  4. A sender that sleeps waits for a fixed part of the capacity (quarter), not for a byte: it
//     and the receiver then take turns on long pieces. The receiver wakes it when there is as
//     much; what it knows of tail may be old, then there is less room than it takes it for, and
//     it wakes the sender for nothing.
//  5. What was loaded or copied counts only after check, and so does a step: a segment that is
//     closed has other memory in the place of the stream's.
//  6. Who sleeps is also woken by its own side's limit, through the same Event: what has passed is
//     raised, a read-modify-write, before the look at the Event, and loaded by each try (cut).
//  7. A stream has one sender and one receiver for good. Nobody takes over from the dead.
//
// Memory orderings. The compare-and-swap of tail pairs with the receiver's load of tail: the bytes
// are visible. The compare-and-swap of head pairs with the sender's load of head: the bytes
// have been read before they are overwritten. Both, and the change to ended, are
// read-modify-writes, and so the full fence between a change and the look at the Event that
// Invariant 1 of wait.Event wants. The other side of that is fence.
//
// What a death leaves. A sender that dies before it changes tail has sent nothing of its last
// piece; after that, all of it. If it dies before its wake, the receiver learns of the death
// (gone), which wakes it. The same goes for the receiver with head. gone is set after
// the last store of the dead: so whoever loads gone first, and the other's word after that,
// knows all that the dead has done. An end that is set before the death counts: the reader gets
// io.EOF then.
//
// Model: models/stream.pml.

const (
	tailAt  = 0
	dataAt  = 8
	headAt  = arch.CacheLine
	roomAt  = arch.CacheLine + 8
	wordsOf = 2 * arch.CacheLine // the words of one stream

	ended     = 1 << 63
	countMask = ended - 1

	minBuffer     = 4096
	defaultBuffer = 64 << 10
	maxBuffer     = 64 << 20

	// longest is the most that is copied before the other side hears of it.
	longest = 32 << 10
)

// place is where a stream lies.
type place struct {
	words, buf []byte
	start      uint64 // where in buf its byte 0 is
}

// stream is what both sides have of it.
type stream struct {
	tail, head *atomic.Uint64
	data, room wait.Event
	buf        []byte // its length is a power of two
	start      uint64
	pos        uint64 // this side's count, guarded by the turn of its side
	*medium
	limit limit
}

func (s *stream) init(p place, m *medium) {
	s.tail, s.head = layout.At[atomic.Uint64](p.words, tailAt), layout.At[atomic.Uint64](p.words, headAt)
	s.data = wait.NewEvent(layout.At[uint32](p.words, dataAt), m.fence)
	s.room = wait.NewEvent(layout.At[uint32](p.words, roomAt), m.fence)
	s.buf, s.start, s.medium = p.buf, p.start, m
	s.limit.turn = make(chan struct{}, 1)
}

// piece returns up to n bytes from position pos on, as many as lie in one piece.
func (s *stream) piece(n uint64) []byte {
	off := (s.start + s.pos) & uint64(len(s.buf)-1)
	return s.buf[off:min(off+n, uint64(len(s.buf)))]
}

// quarter is the room that a sender sleeps for.
func (s *stream) quarter() uint64 { return uint64(len(s.buf)) / 4 }

// wake wakes whoever sleeps on e.
func wake(e *wait.Event) {
	if e.Waiting() {
		e.Notify(wait.Everybody)
	}
}

// step adds n to this side's count in its word, what of it. It fails if the word has ended.
func (s *stream) step(word *atomic.Uint64, what string, n int) error {
	edge.Release()
	ok := word.CompareAndSwap(s.pos, s.pos+uint64(n))
	if err := s.check(); err != nil {
		return err
	}
	if !ok {
		if err := s.limit.err(); err != nil {
			return err
		}
		return corrupt(what, word.Load(), s.pos)
	}
	s.pos += uint64(n)
	return nil
}

// edge tells the race detector that what was sent is ordered before what is received, of
// all streams.
var edge race.Edge

func corrupt(what string, word, pos uint64) error {
	return fmt.Errorf("%s is %#x at byte %d: %w", what, word, pos, ErrCorrupt)
}

// sender is a stream as its sender sees it. Its methods but end and interrupt need the turn of its side.
type sender struct {
	stream
	space             []byte // what look has found
	err               error
	hasSome, hasSpace func() bool
	doubted           time.Time
}

func newSender(s *sender, p place, m *medium) {
	s.init(p, m)
	s.limit.event = &s.room
	s.hasSome = func() bool { return s.look(1) }
	s.hasSpace = func() bool { return s.limit.cut() || s.look(s.quarter()) }
}

// look reports whether there is room for n bytes, or an error.
func (s *sender) look(n uint64) bool {
	gone := s.gone.Load()
	h := s.head.Load()
	used := s.pos - h&countMask
	free := uint64(len(s.buf)) - used
	s.space, s.err = nil, nil
	switch {
	case h&ended != 0 || gone:
		s.err = errBroken
	case used > uint64(len(s.buf)):
		s.err = corrupt("head", h, s.pos)
	case free >= n:
		edge.Acquire()
		s.space = s.piece(free)
	default:
		s.err = s.check()
		return s.err != nil
	}
	if err := s.check(); err != nil {
		s.err = err
	}
	return true
}

// wait waits for room. Who never sleeps looks for the dead as well.
func (s *sender) wait() error {
	if s.doubts && time.Since(s.doubted) > wait.Slice() {
		s.probe()
		s.doubted = time.Now()
	}
	err := s.limit.wait(s.hasSome, s.hasSpace, s.probe)
	if err == nil {
		err = s.err
	}
	return err
}

// send sends the first n bytes of space.
func (s *sender) send(n int) error {
	if err := s.step(s.tail, "tail", n); err != nil {
		return err
	}
	wake(&s.data)
	return nil
}

// end says that there come no more bytes.
func (s *sender) end() {
	edge.Release()
	s.tail.Or(ended)
	wake(&s.data)
}

// receiver is a stream as its receiver sees it. Its methods but end need the turn of its side.
type receiver struct {
	stream
	bytes   []byte // what look has found
	err     error
	seen    uint64 // how many bytes were sent
	hasNews func() bool
	hasData func() bool
}

func newReceiver(r *receiver, p place, m *medium) {
	r.init(p, m)
	r.limit.event = &r.data
	r.hasNews = r.look
	r.hasData = func() bool { return r.limit.cut() || r.look() }
}

// look reports whether there are bytes, or an error.
func (r *receiver) look() bool {
	gone := r.gone.Load()
	t := r.tail.Load()
	r.seen = t & countMask
	n := r.seen - r.pos
	r.bytes, r.err = nil, nil
	switch {
	case n > uint64(len(r.buf)):
		r.err = corrupt("tail", t, r.pos)
	case n > 0:
		r.bytes = r.piece(n)
	case t&ended != 0:
		r.err = io.EOF
	case gone:
		r.err = errReset
	default:
		r.err = r.check()
		return r.err != nil
	}
	if err := r.check(); err != nil {
		r.err = err
	}
	edge.Acquire()
	return true
}

// wait waits for bytes.
func (r *receiver) wait() error {
	err := r.limit.wait(r.hasNews, r.hasData, r.probe)
	if err == nil {
		err = r.err
	}
	return err
}

// release gives the room of the first n bytes back.
func (r *receiver) release(n int) error {
	if err := r.step(r.head, "head", n); err != nil {
		return err
	}
	if free := uint64(len(r.buf)) - (r.seen - r.pos); free >= r.quarter() {
		wake(&r.room)
	}
	return nil
}

// end says that nobody will receive more.
func (r *receiver) end() {
	r.head.Or(ended)
	wake(&r.room)
}

// roundBuffer returns the capacity that a size stands for.
func roundBuffer(size int) (uint64, error) {
	switch {
	case size == 0:
		return defaultBuffer, nil
	case size < 0 || size > maxBuffer:
		return 0, fmt.Errorf("buffers of %d bytes: want up to %d: %w", size, maxBuffer, shm.ErrSize)
	}
	return max(minBuffer, uint64(1)<<bits.Len(uint(size-1))), nil
}
