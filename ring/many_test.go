package ring_test

import (
	"fmt"
	"strconv"
	"sync"
	"testing"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/internal/proctest/shared"
	"github.com/isthmus-go/isthmus/internal/wait"
	"github.com/isthmus-go/isthmus/ring"
	"github.com/isthmus-go/isthmus/shm"
)

// A mark is a message that says whose it is.
type mark struct {
	Producer uint32
	Seq      uint32
	Check    uint64 // makes a torn one stand out
}

func newMark(producer, seq int) mark {
	m := mark{Producer: uint32(producer), Seq: uint32(seq)}
	m.Check = uint64(m.Producer)<<32 + uint64(m.Seq)*0x9e3779b97f4a7c15
	return m
}

// A ledger counts, in shared memory, how often each message was popped.
type ledger struct {
	length int // messages of one producer
	seen   *shm.Array[uint8]
}

func newLedger(t proctest.Fataler, s *shm.Segment, producers, length int) ledger {
	return ledger{length, proctest.Must(shm.NewArray[uint8](s, "seen", producers*length))(t)}
}

// enter counts a message, and returns how often it has come.
func (l ledger) enter(t proctest.Fataler, m mark) uint8 {
	if m != newMark(int(m.Producer), int(m.Seq)) || int(m.Seq) >= l.length {
		t.Fatalf("torn message: %+v", m)
	}
	return shm.AddAt(l.seen, int(m.Producer)*l.length+int(m.Seq), 1)
}

// count returns how often a message has come.
func (l ledger) count(producer, seq int) uint8 { return l.seen.Load(producer*l.length + seq) }

const (
	crowdProducers = 4
	crowdConsumers = 3
	crowdLength    = 4000
)

func crowd(c *proctest.Child) (*shm.Segment, *ring.MPMC[mark], ledger, int, uint64) {
	s := shared.Open(c)
	capacity := proctest.Must(strconv.Atoi(c.Arg(0)))(c)
	seed := proctest.Must(strconv.ParseUint(c.Arg(1), 10, 64))(c)
	id := proctest.Must(strconv.Atoi(c.Arg(2)))(c)
	wait.SetSpin(id%2 == 0) // the others sleep at once
	q := proctest.Must(ring.NewMPMC[mark](s, "crowd", capacity))(c)
	return s, q, newLedger(c, s, crowdProducers, crowdLength), id, seed
}

var _ = proctest.Register("crowd producer", func(c *proctest.Child) {
	s, q, _, id, seed := crowd(c)
	rnd := newRand(seed, id)
	for seq := 0; seq < crowdLength; {
		switch mode := rnd.IntN(4); mode {
		case 0:
			if err := q.TryPush(newMark(id, seq)); err == ring.ErrFull {
				continue
			} else if err != nil {
				c.Fatalf("TryPush: %v", err)
			}
			seq++
		case 1:
			c.Check(q.Push(background, newMark(id, seq)))
			seq++
		case 2:
			ms := make([]mark, min(1+rnd.IntN(2*q.Cap()), crowdLength-seq))
			for i := range ms {
				ms[i] = newMark(id, seq+i)
			}
			k, err := q.PushAll(background, ms)
			if k != len(ms) || err != nil {
				c.Fatalf("PushAll of %d: %d, %v", len(ms), k, err)
			}
			seq += k
		case 3:
			r := proctest.Must(q.Reserve(background))(c)
			if rnd.IntN(4) == 0 {
				c.Check(r.Cancel())
				continue
			}
			*r.Value() = newMark(id, seq)
			c.Check(r.Commit())
			seq++
		}
	}
	c.Check(s.Close())
})

var _ = proctest.Register("crowd consumer", func(c *proctest.Child) {
	s, q, seen, id, seed := crowd(c)
	rnd := newRand(seed, -id-1)
	var next [crowdProducers]uint32 // the lowest Seq that may still come
	got := func(m mark) {
		if n := seen.enter(c, m); n != 1 {
			c.Fatalf("message %+v has come %d times", m, n)
		}
		if m.Seq < next[m.Producer] {
			c.Fatalf("message %+v comes after %d", m, next[m.Producer]-1)
		}
		next[m.Producer] = m.Seq + 1
	}
	batch := make([]mark, 2*q.Cap())
	for {
		var err error
		var m mark
		switch rnd.IntN(4) {
		case 0:
			if m, err = q.TryPop(); err == ring.ErrEmpty {
				continue
			} else if err == nil {
				got(m)
			}
		case 1:
			if m, err = q.Pop(background); err == nil {
				got(m)
			}
		case 2:
			var k int
			k, err = q.PopInto(background, batch[:1+rnd.IntN(len(batch))])
			for _, m := range batch[:k] {
				got(m)
			}
		case 3:
			var l ring.Lent[mark]
			if l, err = q.Next(background); err == nil {
				got(*l.Value())
				c.Check(l.Release())
			}
		}
		if err == ring.ErrClosed {
			break
		}
		c.Check(err)
	}
	c.Check(s.Close())
})

// TestCrowd has several processes push and several pop, in every way. Each
// message comes once, and each producer's in order.
func TestCrowd(t *testing.T) {
	for _, capacity := range []int{1, 2, 16, 1024} {
		t.Run(fmt.Sprint("capacity ", capacity), func(t *testing.T) {
			s := newSegment(t)
			q := proctest.Must(ring.NewMPMC[mark](s, "crowd", capacity))(t)
			seen := newLedger(t, s, crowdProducers, crowdLength)
			seed := fmt.Sprint(newSeed(t))
			args := func(id int) []string { return []string{fmt.Sprint(capacity), seed, fmt.Sprint(id)} }
			var producers, consumers []*proctest.Proc
			for id := range crowdConsumers {
				consumers = append(consumers, proctest.Start(t, "crowd consumer", args(id)...))
			}
			for id := range crowdProducers {
				producers = append(producers, proctest.Start(t, "crowd producer", args(id)...))
			}
			for _, p := range producers {
				p.Wait()
			}
			proctest.Check(t, q.Close())
			for _, p := range consumers {
				p.Wait()
			}
			for id := range crowdProducers {
				for seq := range crowdLength {
					if n := seen.count(id, seq); n != 1 {
						t.Fatalf("message %d of producer %d was popped %d times", seq, id, n)
					}
				}
			}
			if n := q.Len(); n != 0 {
				t.Errorf("Len of the drained ring is %d", n)
			}
		})
	}
}

const (
	throngProcs      = 32
	throngGoroutines = 8
	throngLength     = 50 // messages of one goroutine
)

// A throng is many goroutines that each push a message and pop one, in turns.
// As many are in the ring as are yet to be popped, so nobody waits for ever.
var _ = proctest.Register("throng", func(c *proctest.Child) {
	s := shared.Open(c)
	q := proctest.Must(ring.NewMPMC[uint64](s, "throng", 16))(c)
	popped := proctest.Must(shm.NewValue[uint64](s, "popped"))(c)
	id := proctest.Must(strconv.Atoi(c.Arg(0)))(c)
	c.Send("ready")
	c.Expect("go")
	var wg sync.WaitGroup
	for g := range throngGoroutines {
		wg.Go(func() {
			var sum uint64
			for i := range throngLength {
				c.Check(q.Push(background, uint64((id*throngGoroutines+g)*throngLength+i)))
				sum += proctest.Must(q.Pop(background))(c)
			}
			shm.Add(popped, sum)
		})
	}
	wg.Wait()
	c.Check(s.Close())
})

// TestThrong has 32 processes of 8 goroutines share one ring.
func TestThrong(t *testing.T) {
	s := newSegment(t)
	q := proctest.Must(ring.NewMPMC[uint64](s, "throng", 16))(t)
	popped := proctest.Must(shm.NewValue[uint64](s, "popped"))(t)
	var procs []*proctest.Proc
	for id := range throngProcs {
		procs = append(procs, proctest.Start(t, "throng", fmt.Sprint(id)))
	}
	proctest.Together(procs)
	const n = throngProcs * throngGoroutines * throngLength
	if got, want := popped.Load(), uint64(n*(n-1)/2); got != want {
		t.Errorf("the sum of all that was popped is %d, want %d", got, want)
	}
	if _, err := q.TryPop(); err != ring.ErrEmpty {
		t.Errorf("in the end TryPop returns %v", err)
	}
	if n := q.Len(); n != 0 {
		t.Errorf("in the end Len is %d", n)
	}
}
