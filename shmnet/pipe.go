package shmnet

import (
	"errors"
	"sync/atomic"
	"time"

	"github.com/isthmus-go/isthmus/internal/arch"
	"github.com/isthmus-go/isthmus/internal/layout"
	"github.com/isthmus-go/isthmus/internal/liveness"
	"github.com/isthmus-go/isthmus/internal/segment"
	"github.com/isthmus-go/isthmus/shm"
)

// ErrTaken is returned by Pipe if both sides were taken before.
var ErrTaken = errors.New("both sides were taken")

// The memory of a pipe is that of a connection, with two words more:
//
//	512  first   the ID of the attachment that has the first side, 0 if nobody has
//	520  second  likewise
//
// Each changes once, from 0, by a compare-and-swap. Nobody takes over from the dead: who dies
// there has taken a side that is of no use, and the other side learns that the peer is gone.
const endsAt = 2 * wordsOf

// Pipe returns one side of the connection with that name in a segment, to each of the first two
// callers, of one process or two. For whoever comes later it fails with [ErrTaken]. The buffer is that of
// a [Dialer]; both callers have to name the same, or Pipe fails with [shm.ErrMismatch].
//
// A Pipe works wherever segments do. It takes 4 KiB and twice the buffer of the segment, until
// the object is removed. A death is found within 50 ms. If the Segment is closed, operations return an
// error that wraps [shm.ErrSegmentClosed]; a WriteTo that this interrupts may have written zeros
// last, which it does not count.
func Pipe(s *shm.Segment, name string, buffer int) (*Conn, error) {
	core := segment.Of(s)
	ref := core.Ref(layout.KindPipe, name)
	capacity, err := roundBuffer(buffer)
	if err != nil {
		return nil, ref.Fault(err)
	}
	obj, err := core.Object(segment.Spec{
		Kind: layout.KindPipe, Name: name, Capacity: capacity, Size: uint64(mapped(capacity)),
	})
	if err != nil {
		return nil, err
	}
	ends := [2]*atomic.Uint64{layout.At[atomic.Uint64](obj.Mem, endsAt), layout.At[atomic.Uint64](obj.Mem, endsAt+8)}
	for i, end := range ends {
		if end.CompareAndSwap(0, uint64(core.ID())) {
			if err := ref.Check(); err != nil {
				return nil, err
			}
			return newPipe(core, ref, obj.Mem, i == 0, ends[1-i]), nil
		}
	}
	if err := ref.Check(); err != nil {
		return nil, err
	}
	return nil, ref.Fault(ErrTaken)
}

func newPipe(core *segment.Segment, ref segment.Ref, mem []byte, first bool, other *atomic.Uint64) *Conn {
	c := &Conn{addr: Addr(ref.Name()), free: func() { core.Closed() }} // which keeps the memory
	c.medium.fence = pipeFence{core}
	c.medium.check = ref.Check
	c.medium.doubts = true
	c.medium.probe = func() {
		if id := other.Load(); id != 0 && core.Dead(liveness.ID(id&(1<<layout.IDBits-1))) {
			c.medium.gone.Store(true)
		}
	}
	c.quit = c.leave
	c.who = func() Peer {
		id := other.Load() // before the last use of core, which keeps the memory
		for _, p := range core.Peers() {
			if uint64(p.ID) == id {
				return Peer{PID: p.PID, UID: -1}
			}
		}
		return Peer{}
	}
	capacity := (len(mem) - headSize) / 2
	out := place{words: mem[:wordsOf], buf: mem[headSize:][:capacity]}
	in := place{words: mem[wordsOf : 2*wordsOf], buf: mem[headSize+capacity:]}
	if !first {
		out, in = in, out
	}
	c.over(out, in)
	return c
}

// pipeFence has the fence of connections, and the segment's news.
type pipeFence struct{ core *segment.Segment }

func (f pipeFence) Barrier() bool { arch.Fence(); return true }

func (f pipeFence) Census(age time.Duration) uint64 { return f.core.Census(age) }
