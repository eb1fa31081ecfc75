package ring_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/internal/proctest/shared"
	"github.com/isthmus-go/isthmus/internal/ringtest"
	"github.com/isthmus-go/isthmus/internal/wait"
	"github.com/isthmus-go/isthmus/ring"
	"github.com/isthmus-go/isthmus/shm"
)

const (
	manyProducers = 24   // of which some at a time
	manyLength    = 4000 // the most messages of one
)

// manyKinds have a capacity in messages, or in bytes, of many lengths.
var manyKinds = map[string]ringtest.Kind{
	"MPMC": ringtest.MPMC(ringtest.Jobs),
	"BytesMPMC": ringtest.BytesMPMC(1, func(n uint64, longest int) int {
		h := scatter(n)
		if n >= 1<<63 { // is cancelled
			return 8 + int(h%uint64(longest-7))
		}
		return 16 + int(h>>32%min(uint64(longest-15), 1+h%1000))
	}),
}

// A ledger counts, in shared memory, how often each message was popped. Producer p pushes
// p<<32, p<<32 + 1, ...
type ledger struct{ seen *shm.Array[uint8] }

// enter counts a message.
func (l ledger) enter(t proctest.Fataler, n uint64) {
	producer, seq := int(n>>32), int(uint32(n))
	if producer >= manyProducers || seq >= manyLength {
		t.Fatalf("message %#x was never pushed", n)
	}
	shm.AddAt(l.seen, producer*manyLength+seq, 1)
}

// count returns how often a message has come.
func (l ledger) count(producer, seq int) uint8 { return l.seen.Load(producer*manyLength + seq) }

// many is a ring that many processes share, and what outlives them.
type many struct {
	t       *testing.T // of the test's process
	args    []string
	seed    uint64
	started map[string]int

	q      crowdRing
	mode   string // of the consumers
	batch  int    // the most of one operation
	length int    // messages of one producer
	seen   ledger
	acked  *shm.Array[uint32] // by producer, how many of its pushes have returned
	popped *shm.Value[uint64] // grows with each pop
}

func newMany(t *testing.T, kind string, capacity int, mode string, batch, length int) *many {
	m := openMany(t, newSegment(t), kind, capacity)
	m.t, m.started, m.seed = t, map[string]int{}, newSeed(t)
	m.mode, m.batch, m.length = mode, batch, length
	m.args = []string{kind, fmt.Sprint(capacity), mode, fmt.Sprint(batch), fmt.Sprint(length), fmt.Sprint(m.seed)}
	return m
}

func openMany(t proctest.Fataler, s *shm.Segment, kind string, capacity int) *many {
	q := openQueue(t, s, manyKinds[kind], "many", capacity)
	return &many{
		q:      crowdRing{q, proctest.Must(q.Producer())(t), proctest.Must(q.Consumer())(t)},
		seen:   ledger{proctest.Must(shm.NewArray[uint8](s, "seen", manyProducers*manyLength))(t)},
		acked:  proctest.Must(shm.NewArray[uint32](s, "acked", manyProducers))(t),
		popped: proctest.Must(shm.NewValue[uint64](s, "popped"))(t),
	}
}

// start starts n of the producers, or of the consumers.
func (m *many) start(helper string, n int) (procs []*proctest.Proc) {
	for range n {
		procs = append(procs, proctest.Start(m.t, helper, append(m.args, fmt.Sprint(m.started[helper]))...))
		m.started[helper]++
	}
	return procs
}

// join opens it in a helper, whose last argument tells it from others.
func join(c *proctest.Child) (m *many, id int, rnd *rand.Rand) {
	var capacity, batch, length int
	var seed uint64
	fmt.Sscan(fmt.Sprint(c.Arg(1), " ", c.Arg(3), " ", c.Arg(4), " ", c.Arg(5), " ", c.Arg(6)), &capacity, &batch, &length, &seed, &id)
	m = openMany(c, shared.Open(c), c.Arg(0), capacity)
	m.mode, m.batch, m.length = c.Arg(2), batch, length
	wait.SetSpin(id%2 == 0) // the others sleep at once
	return m, id, newRand(seed, id)
}

var _ = proctest.Register("many producer", func(c *proctest.Child) {
	m, id, rnd := join(c)
	q := m.q
	base := uint64(id) << 32
	end := base + uint64(m.length)
	for n := base; n < end; m.acked.Store(id, uint32(n-base)) {
		switch rnd.IntN(5) {
		case 0:
			switch err := q.TryPush(n); err {
			case nil:
				n++
			case ring.ErrFull:
			default:
				c.Fatalf("TryPush: %v", err)
			}
		case 1:
			c.Check(q.Push(background, n))
			n++
		case 2:
			to := min(n+1+rnd.Uint64N(uint64(m.batch)), end)
			k, err := q.PushAll(background, n, to)
			if k != int(to-n) || err != nil {
				c.Fatalf("PushAll of %d: %d, %v", to-n, k, err)
			}
			n = to
		case 3:
			c.Check(proctest.Must(q.Reserve(background, n))(c).Commit())
			n++
		case 4:
			c.Check(proctest.Must(q.Reserve(background, 1<<63|rnd.Uint64()))(c).Cancel())
		}
	}
	c.Expect("end") // until then it can be killed
})

// A consumer that takes enters each message once it has it for good. One that borrows
// enters it before that: if it dies, the message comes again.
var _ = proctest.Register("many consumer", func(c *proctest.Child) {
	m, id, rnd := join(c)
	rnd = newRand(rnd.Uint64(), -id-1)
	q := m.q
	var next [manyProducers]uint64 // the lowest number that may still come, in order
	enter := func(ordered bool, ns ...uint64) {
		for _, n := range ns {
			m.seen.enter(c, n)
			if producer := n >> 32; ordered {
				if n < next[producer] {
					c.Fatalf("message %#x comes after %#x", n, next[producer]-1)
				}
				next[producer] = n + 1
			}
		}
	}
	for {
		way := rnd.IntN(3)
		if m.mode == "borrows" || m.mode == "mixed" && rnd.IntN(4) == 0 {
			way = 3
		}
		var ns []uint64
		var err error
		switch way {
		case 0:
			ns = make([]uint64, 1)
			ns[0], err = q.TryPop()
		case 1:
			ns = make([]uint64, 1)
			ns[0], err = q.Pop(background)
		case 2:
			ns, err = q.PopInto(background, 1+rnd.IntN(m.batch))
		case 3:
			var l ringtest.Lent
			if l, err = q.Next(background); err == nil {
				enter(m.mode != "borrows", l.N)
				c.Check(l.Release())
				shm.Add(m.popped, 1)
			}
		}
		switch err {
		case nil:
			enter(true, ns...)
			shm.Add(m.popped, uint64(len(ns)))
		case ring.ErrEmpty:
		case ring.ErrClosed:
			return
		default:
			c.Fatalf("pop: %v", err)
		}
	}
})

// end tells the producers that they may go, and the consumers that no more comes.
func (m *many) end(producers, consumers []*proctest.Proc) {
	for _, p := range producers {
		p.Send("end")
		p.Wait()
	}
	proctest.Check(m.t, m.q.Close())
	for _, p := range consumers {
		p.Wait()
	}
	_, err := m.q.TryPop()
	checkIs(m.t, "TryPop in the end", err, ring.ErrClosed)
}
