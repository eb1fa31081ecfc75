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
	"github.com/isthmus-go/isthmus/internal/ringtest"
	"github.com/isthmus-go/isthmus/shm"
)

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
			if r, err := p.TryReserve(4); err == nil {
				r.Commit()
			}
		},
		func() {
			if l, err := c.TryNext(); err == nil {
				l.Release()
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
		p, co := proctest.Must(q.Producer())(c), proctest.Must(q.Consumer())(c)
		var wg sync.WaitGroup
		var done atomic.Bool
		if round%2 == 0 { // while the operations run
			wg.Go(func() {
				for rnd := newRand(seed, -round-1); !done.Load(); {
					scribble(q, rnd)
				}
			})
		}
		for range 5 {
			for range rnd.IntN(10) {
				scribble(q, rnd)
			}
			everyOperation(p, co, q, rnd)
		}
		done.Store(true)
		wg.Wait()
		before.check(c)
		after.check(c)
	}
})

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
	for _, kind := range ringtest.Main {
		t.Run(kind, func(t *testing.T) {
			newSegment(t)
			proctest.Start(t, "vandal", kind, fmt.Sprint(newSeed(t))).Wait()
		})
	}
}
