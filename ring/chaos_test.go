package ring_test

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"testing"
	"time"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/internal/proctest/shared"
	"github.com/isthmus-go/isthmus/ring"
	"github.com/isthmus-go/isthmus/shm"
)

// Processes are killed at whatever instruction they are, and the ledger shows
// what has become of each message.

const (
	chaosProducers = 24   // of which some at a time
	chaosLength    = 4000 // the most messages of one
	chaosBatch     = 8
	chaosKills     = 12
)

// A chaosState is what outlives the processes.
type chaosState struct {
	q      *ring.MPMC[mark]
	seen   ledger
	acked  *shm.Array[uint32] // by producer, how many of its pushes have returned
	popped *shm.Value[uint64] // grows with each pop
}

func newChaos(t proctest.Fataler, s *shm.Segment, capacity string) chaosState {
	return chaosState{
		proctest.Must(ring.NewMPMC[mark](s, "chaos", proctest.Must(strconv.Atoi(capacity))(t)))(t),
		newLedger(t, s, chaosProducers, chaosLength),
		proctest.Must(shm.NewArray[uint32](s, "acked", chaosProducers))(t),
		proctest.Must(shm.NewValue[uint64](s, "popped"))(t),
	}
}

var _ = proctest.Register("chaos producer", func(c *proctest.Child) {
	st := newChaos(c, shared.Open(c), c.Arg(0))
	id := proctest.Must(strconv.Atoi(c.Arg(1)))(c)
	rnd := newRand(proctest.Must(strconv.ParseUint(c.Arg(2), 10, 64))(c), id)
	length := scaled(chaosLength)
	for seq := 0; seq < length; st.acked.Store(id, uint32(seq)) {
		switch rnd.IntN(3) {
		case 0:
			c.Check(st.q.Push(background, newMark(id, seq)))
			seq++
		case 1:
			ms := make([]mark, min(1+rnd.IntN(chaosBatch), length-seq))
			for i := range ms {
				ms[i] = newMark(id, seq+i)
			}
			seq += proctest.Must(st.q.PushAll(background, ms))(c)
		case 2:
			r := proctest.Must(st.q.Reserve(background))(c)
			*r.Value() = newMark(id, seq)
			c.Check(r.Commit())
			seq++
		}
	}
	c.Expect("end") // until then it can be killed
})

// A chaos consumer that may take enters each message once it has it for good. One
// that only borrows enters it before that: if it dies, the message comes again.
var _ = proctest.Register("chaos consumer", func(c *proctest.Child) {
	st := newChaos(c, shared.Open(c), c.Arg(0))
	rnd := newRand(proctest.Must(strconv.ParseUint(c.Arg(2), 10, 64))(c), 0)
	borrows := c.Arg(3) == "borrows"
	dst := make([]mark, chaosBatch)
	for {
		var k int
		var err error
		switch {
		case borrows:
			var l ring.Lent[mark]
			if l, err = st.q.Next(background); err == nil {
				st.seen.enter(c, *l.Value())
				c.Check(l.Release())
				shm.Add(st.popped, 1)
			}
		case rnd.IntN(2) == 0:
			if dst[0], err = st.q.Pop(background); err == nil {
				k = 1
			}
		default:
			k, err = st.q.PopInto(background, dst[:1+rnd.IntN(chaosBatch)])
		}
		for _, m := range dst[:k] {
			st.seen.enter(c, m)
		}
		shm.Add(st.popped, uint64(k))
		if err == ring.ErrClosed {
			return
		}
		c.Check(err)
	}
})

// A chaos plan says who dies.
type chaosPlan struct {
	producers, consumers bool
	mode                 string // of the consumers
	pause                bool   // before the death, so that others run into what is held
}

var chaosPlans = map[string]chaosPlan{
	"producers": {producers: true, mode: "takes"},
	"borrowers": {consumers: true, mode: "borrows"},
	"takers":    {consumers: true, mode: "takes", pause: true},
	"all":       {producers: true, consumers: true, mode: "borrows", pause: true},
}

func TestChaos(t *testing.T) {
	proctest.Mortal(t)
	for name, plan := range chaosPlans {
		for _, capacity := range []int{2, 16} {
			t.Run(fmt.Sprint(name, "/capacity ", capacity), func(t *testing.T) {
				runChaos(t, plan, capacity)
			})
		}
	}
}

func runChaos(t *testing.T, plan chaosPlan, capacity int) {
	s := newSegment(t)
	seed := newSeed(t)
	rnd := newRand(seed, -1)
	st := newChaos(t, s, fmt.Sprint(capacity))
	started := 0
	startProducer := func() *proctest.Proc {
		started++
		return proctest.Start(t, "chaos producer", fmt.Sprint(capacity), fmt.Sprint(started-1), fmt.Sprint(seed))
	}
	startConsumer := func() *proctest.Proc {
		return proctest.Start(t, "chaos consumer", fmt.Sprint(capacity), "0", fmt.Sprint(rnd.Uint64()), plan.mode)
	}
	producers := []*proctest.Proc{startProducer(), startProducer(), startProducer()}
	consumers := []*proctest.Proc{startConsumer(), startConsumer()}

	producersKilled, consumersKilled := 0, 0
	for range chaosKills {
		moment(t, st, rnd)
		victims, again, kills := producers, startProducer, &producersKilled
		if plan.consumers && (!plan.producers || rnd.IntN(2) == 0) {
			victims, again, kills = consumers, startConsumer, &consumersKilled
		}
		*kills++
		i := rnd.IntN(len(victims))
		if plan.pause && rnd.IntN(2) == 0 {
			victims[i].Stop()
			time.Sleep(time.Duration(rnd.IntN(3)) * time.Millisecond)
		}
		victims[i].Kill()
		victims[i] = again()
	}
	for _, p := range producers {
		p.Send("end")
		p.Wait()
	}
	proctest.Check(t, st.q.Close())
	for _, p := range consumers {
		p.Wait()
	}
	t.Logf("%d producers and %d consumers were killed", producersKilled, consumersKilled)
	st.judge(t, plan, started, consumersKilled)
}

// moment waits until some more messages have been popped: a point in time that
// has nothing to do with the steps of the processes, nor with the clock.
func moment(t *testing.T, st chaosState, rnd *rand.Rand) {
	target := st.popped.Load() + rnd.Uint64N(uint64(scaled(500)))
	total := func() (n uint64) {
		for id := range chaosProducers {
			n += uint64(st.acked.Load(id))
		}
		return n
	}
	proctest.Until(t, "messages come through", func() bool {
		return st.popped.Load() >= target || total() >= uint64(2*scaled(chaosLength))
	})
}

// judge compares what came with what was pushed.
func (st chaosState) judge(t *testing.T, plan chaosPlan, producers, consumersKilled int) {
	var lost, twice, extra int
	for id := range producers {
		acked := int(st.acked.Load(id))
		for seq := range chaosLength {
			n := int(st.seen.count(id, seq))
			if seq >= acked {
				extra += min(n, 1)
				if n > 0 && seq >= acked+chaosBatch {
					t.Errorf("message %d of producer %d has come, which had pushed %d", seq, id, acked)
				}
			} else if n == 0 {
				lost++
			}
			twice += max(n-1, 0)
		}
	}
	t.Logf("%d lost with their consumers, %d twice, %d of pushes that did not return", lost, twice, extra)
	maxLost, maxTwice := 0, 0
	if plan.mode == "takes" {
		maxLost = consumersKilled * chaosBatch // they had been returned
	} else {
		maxTwice = consumersKilled // they had not been released
	}
	if lost > maxLost || twice > maxTwice {
		t.Errorf("%d messages were lost (at most %d may be), %d came twice (at most %d)", lost, maxLost, twice, maxTwice)
	}
}
