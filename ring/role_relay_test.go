package ring_test

import (
	"fmt"
	"strconv"
	"testing"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/internal/proctest/shared"
	"github.com/isthmus-go/isthmus/ring"
	"github.com/isthmus-go/isthmus/shm"
)

// Producers and consumers of a ring with roles are killed at whatever instruction
// they are, and their successors go on. Producer i pushes i<<32, i<<32 + 1, ...

const (
	relayKills = 8
	relayBatch = 64 // the most of one operation
)

// relayLength returns how many messages a producer pushes if it lives to.
func relayLength() uint64 { return uint64(scaled(2000)) }

type relayState struct {
	q     queue
	acked *shm.Array[uint32] // by producer, how many of its pushes have returned
	last  *shm.Value[uint64] // the last message that was popped, plus 1
}

func newRelay(t proctest.Fataler, s *shm.Segment, kind, capacity string) relayState {
	return relayState{
		newQueue(t, s, kind, "relay", proctest.Must(strconv.Atoi(capacity))(t)),
		proctest.Must(shm.NewArray[uint32](s, "acked", relayKills+1))(t),
		proctest.Must(shm.NewValue[uint64](s, "last"))(t),
	}
}

var _ = proctest.Register("relay producer", func(c *proctest.Child) {
	st := newRelay(c, shared.Open(c), c.Arg(0), c.Arg(1))
	id := proctest.Must(strconv.Atoi(c.Arg(2)))(c)
	rnd := newRand(proctest.Must(strconv.ParseUint(c.Arg(3), 10, 64))(c), id)
	p := proctest.Must(st.q.Producer())(c)
	base, length := uint64(id)<<32, relayLength()
	for next := base; next < base+length; st.acked.Store(id, uint32(next-base)) {
		var err error
		next, err = pushSome(p, st.q, "mixed", rnd, next, min(next+relayBatch, base+length))
		c.Check(err)
	}
	c.Expect("end")
	c.Check(p.Close())
})

// A relay consumer that may die notes each message before it releases it, so
// that the first one of its successor may be noted already.
var _ = proctest.Register("relay consumer", func(c *proctest.Child) {
	st := newRelay(c, shared.Open(c), c.Arg(0), c.Arg(1))
	rnd := newRand(proctest.Must(strconv.ParseUint(c.Arg(3), 10, 64))(c), -1)
	co := proctest.Must(st.q.Consumer())(c)
	first := true
	var err error
	for err == nil {
		err = popSome(co, st.q, c.Arg(2), rnd, func(n uint64) {
			last := st.last.Load()
			if n+1 != last || !first {
				st.follows(c, last, n)
			}
			first = false
			st.last.Store(n + 1)
		})
	}
	if err != ring.ErrClosed {
		c.Fatalf("%v", err)
	}
})

// follows checks that message n is the one after last-1.
func (st relayState) follows(c *proctest.Child, last, n uint64) {
	if last == n && n&(1<<32-1) != 0 {
		return // of the same producer
	}
	if n&(1<<32-1) != 0 {
		c.Fatalf("message %#x comes after %#x", n, last-1)
	}
	for id := range n >> 32 { // all that the earlier ones have pushed must have come
		var came uint64
		switch {
		case last == 0 || id > (last-1)>>32:
		case id == (last-1)>>32:
			came = last & (1<<32 - 1)
		default:
			continue
		}
		if acked := uint64(st.acked.Load(int(id))); came < acked {
			c.Fatalf("message %#x comes after %#x, but producer %d had pushed %d", n, last-1, id, acked)
		}
	}
}

// TestRelay kills producers under a consumer that pops in every way, or both
// under one that reads in place.
func TestRelay(t *testing.T) {
	proctest.Mortal(t)
	for _, kind := range []string{"SPSC", "SPSC/1KiB", "Bytes"} {
		for _, capacity := range []int{1, 8} {
			for _, mode := range []string{"mixed", "place"} {
				t.Run(fmt.Sprint(kind, "/capacity ", capacity, "/", mode), func(t *testing.T) {
					runRelay(t, kind, capacity, mode)
				})
			}
		}
	}
}

func runRelay(t *testing.T, kind string, capacity int, mode string) {
	s := newSegment(t)
	seed := newSeed(t)
	rnd := newRand(seed, -2)
	st := newRelay(t, s, kind, fmt.Sprint(capacity))
	producers := 0
	startProducer := func() *proctest.Proc {
		producers++
		return proctest.Start(t, "relay producer", kind, fmt.Sprint(capacity), fmt.Sprint(producers-1), fmt.Sprint(seed))
	}
	startConsumer := func() *proctest.Proc {
		return proctest.Start(t, "relay consumer", kind, fmt.Sprint(capacity), mode, fmt.Sprint(seed))
	}
	p, c := startProducer(), startConsumer()
	for range relayKills {
		before, more := st.last.Load(), 1+rnd.Uint64N(relayLength()/8+1)
		proctest.Until(t, "messages come through", func() bool {
			last := st.last.Load()
			return last >= before+more || uint64(st.acked.Load(producers-1)) == relayLength()
		})
		if mode == "place" && rnd.IntN(2) == 0 {
			c.Kill()
			c = startConsumer()
		} else {
			p.Kill()
			p = startProducer()
		}
	}
	p.Send("end")
	p.Wait()
	c.Wait()
	if got, want := st.last.Load(), uint64(producers-1)<<32+relayLength(); got != want {
		t.Errorf("the last message was %#x, want %#x", got-1, want-1)
	}
}
