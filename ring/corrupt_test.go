package ring_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/internal/proctest/shared"
	"github.com/isthmus-go/isthmus/ring"
	"github.com/isthmus-go/isthmus/shm"
)

// memory is the shared memory of a ring.
type memory interface {
	Body() []byte
	Words() (wide []func(uint64), narrow []*uint32)
}

// scribble writes something to one of the words, or to the body.
func scribble(m memory, rnd *rand.Rand) {
	wide, narrow := m.Words()
	body := m.Body()
	switch rnd.IntN(8) {
	case 0:
		atomic.StoreUint32(narrow[rnd.IntN(len(narrow))], uint32(likely(rnd)))
	case 1, 2:
		wide[rnd.IntN(len(wide))](likely(rnd))
	default:
		off := rnd.IntN(len(body)/8) * 8
		binary.NativeEndian.PutUint64(body[off:], likely(rnd))
	}
}

// likely returns a word that looks like something.
func likely(rnd *rand.Rand) uint64 {
	switch rnd.IntN(5) {
	case 0:
		return rnd.Uint64()
	case 1:
		return rnd.Uint64N(100)
	case 2:
		return 1 << rnd.IntN(64)
	case 3:
		return ^uint64(0) >> rnd.IntN(64)
	default:
		return 3<<62&rnd.Uint64() | rnd.Uint64N(600) // a header of Bytes
	}
}

// everyOperation calls each operation of a ring once, none of which waits for
// long. What they return does not matter.
func everyOperation(p producer, c consumer, q queue, rnd *rand.Rand) {
	soon, cancel := context.WithTimeout(background, 200*time.Microsecond)
	defer cancel()
	operations := []func(){
		func() { p.TryPush(1) },
		func() { p.Push(soon, 2) },
		func() { p.PushAll(soon, 3, 9) },
		func() { q.Len() },
		func() { c.TryPop() },
		func() { c.Pop(soon) },
		func() { c.PopInto(soon, 7) },
		func() {
			if commit, err := p.TryReserve(4); err == nil {
				commit()
			}
		},
		func() {
			if _, release, err := c.TryNext(); err == nil {
				release()
			}
		},
		func() {
			n := 0
			for range c.All(soon) {
				if n++; n == 20 {
					break
				}
			}
		},
		func() {
			if p, err := q.Producer(); err == nil {
				p.TryPush(5)
				p.Detach()
			}
		},
		func() {
			if c, err := q.Consumer(); err == nil {
				c.TryPop()
				c.Detach()
			}
		},
	}
	for _, i := range rnd.Perm(len(operations)) {
		operations[i]()
	}
}

// A vandal uses rings whose memory is overwritten. It lives in a process of its
// own: it must neither die nor hang, nor touch what lies around the ring.
var _ = proctest.Register("vandal", func(c *proctest.Child) {
	s := shared.Open(c)
	var seed uint64
	fmt.Sscan(c.Arg(1), &seed)
	for round := range 60 {
		rnd := newRand(seed, round)
		capacity := 1 << rnd.IntN(5)
		name := fmt.Sprint(c.Arg(0), round)
		before := newGuard(c, s, name+" before")
		q := newQueue(c, s, c.Arg(0), name, capacity)
		after := newGuard(c, s, name+" after")
		m := ringOf(q)
		p, co := proctest.Must(q.Producer())(c), proctest.Must(q.Consumer())(c)
		var wg sync.WaitGroup
		var done atomic.Bool
		if round%2 == 0 { // while the operations run
			wg.Go(func() {
				for rnd := newRand(seed, -round-1); !done.Load(); {
					scribble(m, rnd)
				}
			})
		}
		for range 5 {
			for range rnd.IntN(10) {
				scribble(m, rnd)
			}
			everyOperation(p, co, q, rnd)
		}
		done.Store(true)
		wg.Wait()
		before.check(c)
		after.check(c)
	}
})

func ringOf(q queue) memory {
	switch q := q.(type) {
	case spscQueue[uint64]:
		return q.ring
	case mpmcQueue[uint64]:
		return q.ring
	case bytesMPMCQueue:
		return q.BytesMPMC
	default:
		return q.(bytesQueue).ring
	}
}

// A guard is memory next to a ring that must keep its content.
type guard struct{ *shm.Array[uint64] }

func newGuard(t proctest.Fataler, s *shm.Segment, name string) guard {
	g := guard{proctest.Must(shm.NewArray[uint64](s, name, 16))(t)}
	for i := range g.Len() {
		g.Store(i, 0x5afe)
	}
	return g
}

func (g guard) check(t proctest.Fataler) {
	for i, v := range g.All() {
		if v != 0x5afe {
			t.Fatalf("what lies beside the ring was overwritten: element %d is %#x", i, v)
		}
	}
}

func TestVandal(t *testing.T) {
	proctest.Mortal(t)
	for _, kind := range mainKinds {
		t.Run(kind, func(t *testing.T) {
			newSegment(t)
			proctest.Start(t, "vandal", kind, fmt.Sprint(newSeed(t))).Wait()
		})
	}
}

// TestCorrupt has the damage that is noticed.
func TestCorrupt(t *testing.T) {
	proctest.Mortal(t)
	s := newSegment(t)
	spsc := proctest.Must(ring.NewSPSC[uint64](s, "spsc", 4))(t)
	p := proctest.Must(spsc.Producer())(t)
	for n := range uint64(4) {
		proctest.Check(t, p.TryPush(n))
	}
	setWide(spsc, 0, 100)
	checkIs(t, "SPSC push with a head that is ahead", p.TryPush(5), ring.ErrCorrupt)
	checkIs(t, "the same, waiting", p.Push(background, 5), ring.ErrCorrupt)

	mpmc := proctest.Must(ring.NewMPMC[uint64](s, "mpmc", 4))(t)
	setWide(mpmc, 0, 100)
	_, err := mpmc.TryPop()
	checkIs(t, "MPMC pop with a head that is ahead", err, ring.ErrCorrupt)
	_, err = mpmc.Pop(background)
	checkIs(t, "the same, waiting", err, ring.ErrCorrupt)

	for i, header := range []uint64{
		1<<63 | 1<<20,               // longer than the ring
		1<<63 | 1<<62 | 8,           // padding not up to the end
		1<<63 | 1<<40,               // unknown bits
		5,                           // not committed
		1<<63 | 1<<62,               // padding of nothing
		1<<63 | (256/2 - 2*8 + 1),   // longer than MaxLen
		1<<63 | 1<<62 | 256,         // padding all around
		1<<63 | 1<<62 | 0xffff_ffff, // all there is
	} {
		b := proctest.Must(ring.NewBytes(s, fmt.Sprint("bytes", i), 256))(t)
		binary.NativeEndian.PutUint64(b.Body(), header)
		_, err := b.Producer()
		checkIs(t, fmt.Sprintf("producer of header %#x", header), err, ring.ErrCorrupt)
		c := proctest.Must(b.Consumer())(t)
		_, err = c.TryPop(nil)
		checkIs(t, fmt.Sprintf("pop of header %#x", header), err, ring.ErrCorrupt)
		_, err = c.Pop(background, nil)
		checkIs(t, fmt.Sprintf("Pop of header %#x", header), err, ring.ErrCorrupt)
		if n := b.Len(); n != 0 {
			t.Errorf("Len with header %#x is %d", header, n)
		}
	}
}

// TestCorruptAtEnd has headers near the end of a Bytes whose messages would go past it:
// of the next message, and of one in the middle of a batch.
func TestCorruptAtEnd(t *testing.T) {
	proctest.Mortal(t)
	s := newSegment(t)
	const capacity = 256
	for left := uint64(8); left < capacity/2-8; left += 8 { // after the header in question
		b := proctest.Must(ring.NewBytes(s, fmt.Sprint("bytes", left), capacity))(t)
		at := capacity - left
		b.SetStart(at)
		for _, header := range []uint64{
			1<<63 | (left - 8 + 1),    // one byte too many
			1<<63 | (capacity/2 - 16), // the longest
		} {
			binary.NativeEndian.PutUint64(b.Body()[at:], header)
			c := proctest.Must(b.Consumer())(t)
			_, err := c.TryPop(nil)
			checkIs(t, fmt.Sprintf("pop of header %#x, %d bytes before the end", header, left), err, ring.ErrCorrupt)
			_, err = b.Producer()
			checkIs(t, fmt.Sprintf("producer at header %#x, %d bytes before the end", header, left), err, ring.ErrCorrupt)
			proctest.Check(t, c.Detach())
		}

		b = proctest.Must(ring.NewBytes(s, fmt.Sprint("batch", left), capacity))(t)
		first := at - 16 // of two messages
		b.SetStart(first)
		binary.NativeEndian.PutUint64(b.Body()[first:], 1<<63|8)
		binary.NativeEndian.PutUint64(b.Body()[at:], 1<<63|(left-8+1))
		c := proctest.Must(b.Consumer())(t)
		room := make([]byte, 0, 2*capacity) // for whatever it says
		got, n, err := c.PopInto(background, room, make([]int, 8))
		if err != nil || n != 1 || len(got) != 8 {
			t.Fatalf("a batch whose second message goes past the end: %d messages of %d bytes, %v", n, len(got), err)
		}
		_, err = c.TryPop(nil)
		checkIs(t, "pop of the second", err, ring.ErrCorrupt)
	}
}

func setWide(m memory, i int, v uint64) {
	wide, _ := m.Words()
	wide[i](v)
}
