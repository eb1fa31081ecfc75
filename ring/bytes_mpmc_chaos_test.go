package ring_test

import (
	"encoding/binary"
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/internal/proctest/shared"
	"github.com/isthmus-go/isthmus/internal/wait"
	"github.com/isthmus-go/isthmus/ring"
	"github.com/isthmus-go/isthmus/shm"
)

// The marks of TestChaos, in byte messages of many lengths.

// byteMark makes a mark's message. Its length, and all of its bytes, follow from the mark.
func byteMark(m mark, longest int) []byte {
	check := uint64(m.Check)
	b := make([]byte, 16+(check>>7)%min(uint64(longest-15), 1+(check>>3)%1000))
	for i := range b {
		b[i] = byte(m.Check>>20) + byte(i)
	}
	binary.NativeEndian.PutUint64(b, uint64(m.Producer)<<32|uint64(m.Seq))
	return b
}

// readByteMark is the inverse.
func readByteMark(t proctest.Fataler, b []byte, longest int) mark {
	t.Helper()
	if len(b) < 16 {
		t.Fatalf("message of %d bytes", len(b))
	}
	n := binary.NativeEndian.Uint64(b)
	m := newMark(int(n>>32), int(uint32(n)))
	if string(byteMark(m, longest)) != string(b) {
		t.Fatalf("torn message: %x", b)
	}
	return m
}

type byteChaos struct {
	chaosState
	bytes *ring.BytesMPMC
}

func newByteChaos(t proctest.Fataler, s *shm.Segment, capacity string) byteChaos {
	return byteChaos{
		chaosState{
			seen:   newLedger(t, s, chaosProducers, chaosLength),
			acked:  proctest.Must(shm.NewArray[uint32](s, "acked", chaosProducers))(t),
			popped: proctest.Must(shm.NewValue[uint64](s, "popped"))(t),
		},
		proctest.Must(ring.NewBytesMPMC(s, "chaos", proctest.Must(strconv.Atoi(capacity))(t)))(t),
	}
}

var _ = proctest.Register("byte chaos producer", func(c *proctest.Child) {
	st := newByteChaos(c, shared.Open(c), c.Arg(0))
	id := proctest.Must(strconv.Atoi(c.Arg(1)))(c)
	rnd := newRand(proctest.Must(strconv.ParseUint(c.Arg(2), 10, 64))(c), id)
	wait.SetSpin(id%2 == 0) // the others sleep at once
	q, longest := st.bytes, st.bytes.MaxLen()
	length := scaled(chaosLength)
	for seq := 0; seq < length; st.acked.Store(id, uint32(seq)) {
		b := byteMark(newMark(id, seq), longest)
		switch rnd.IntN(4) {
		case 0:
			c.Check(q.Push(background, b))
			seq++
		case 1:
			bs := make([][]byte, min(1+rnd.IntN(chaosBatch), length-seq))
			for i := range bs {
				bs[i] = byteMark(newMark(id, seq+i), longest)
			}
			seq += proctest.Must(q.PushAll(background, bs))(c)
		case 2:
			r := proctest.Must(q.Reserve(background, min(len(b)+rnd.IntN(200), longest)))(c)
			copy(r.Bytes(), b)
			c.Check(r.Commit(len(b)))
			seq++
		case 3:
			c.Check(proctest.Must(q.Reserve(background, rnd.IntN(longest+1)))(c).Cancel())
		}
	}
	c.Expect("end") // until then it can be killed
})

// As with a "chaos consumer", one that only borrows enters a message before it has it
// for good.
var _ = proctest.Register("byte chaos consumer", func(c *proctest.Child) {
	st := newByteChaos(c, shared.Open(c), c.Arg(0))
	seed := proctest.Must(strconv.ParseUint(c.Arg(1), 10, 64))(c)
	rnd := newRand(seed, 0)
	wait.SetSpin(seed%2 == 0)
	q, longest := st.bytes, st.bytes.MaxLen()
	borrows := c.Arg(2) == "borrows"
	var next [chaosProducers]uint32 // the lowest Seq that may still come, if nothing is lent
	var b []byte
	lens := make([]int, chaosBatch)
	for {
		k := 1
		var err error
		switch {
		case borrows:
			var l ring.LentBytes
			if l, err = q.Next(background); err == nil {
				st.seen.enter(c, readByteMark(c, l.Bytes(), longest))
				c.Check(l.Release())
				shm.Add(st.popped, 1)
				k = 0
			}
		case rnd.IntN(2) == 0:
			b, err = q.Pop(background, b[:0])
			lens[0] = len(b)
		default:
			b, k, err = q.PopInto(background, b[:0], lens[:1+rnd.IntN(chaosBatch)])
		}
		if err == ring.ErrClosed {
			return
		}
		c.Check(err)
		for rest := b; k > 0; k-- {
			m := readByteMark(c, rest[:lens[0]], longest)
			rest = rest[lens[0]:]
			copy(lens, lens[1:])
			if m.Seq < next[m.Producer] {
				c.Fatalf("message %d of producer %d comes after %d", m.Seq, m.Producer, next[m.Producer]-1)
			}
			next[m.Producer] = m.Seq + 1
			st.seen.enter(c, m)
			shm.Add(st.popped, 1)
		}
	}
})

// TestByteChaos kills processes at whatever instruction they are, or nobody: then all
// has come once, and no wake-up is late.
func TestByteChaos(t *testing.T) {
	plans := map[string]chaosPlan{"nobody": {mode: "takes"}, "nobody, lent": {mode: "borrows"}}
	for name, plan := range chaosPlans {
		plans[name] = plan
	}
	for name, plan := range plans {
		for _, capacity := range []int{128, 1024, 8192} {
			t.Run(fmt.Sprint(name, "/capacity ", capacity), func(t *testing.T) {
				if plan.producers || plan.consumers {
					proctest.Mortal(t)
				}
				runByteChaos(t, plan, capacity)
			})
		}
	}
}

func runByteChaos(t *testing.T, plan chaosPlan, capacity int) {
	s := newSegment(t)
	seed := newSeed(t)
	rnd := newRand(seed, -1)
	st := newByteChaos(t, s, fmt.Sprint(capacity))
	started := 0
	startProducer := func() *proctest.Proc {
		started++
		return proctest.Start(t, "byte chaos producer", fmt.Sprint(capacity), fmt.Sprint(started-1), fmt.Sprint(seed))
	}
	startConsumer := func() *proctest.Proc {
		return proctest.Start(t, "byte chaos consumer", fmt.Sprint(capacity), fmt.Sprint(rnd.Uint64()), plan.mode)
	}
	producers := []*proctest.Proc{startProducer(), startProducer(), startProducer()}
	consumers := []*proctest.Proc{startConsumer(), startConsumer()}
	kills := chaosKills
	if !plan.producers && !plan.consumers {
		kills = 0
	}
	consumersKilled := 0
	for range kills {
		moment(t, st.chaosState, rnd)
		victims, again := producers, startProducer
		if plan.consumers && (!plan.producers || rnd.IntN(2) == 0) {
			victims, again = consumers, startConsumer
			consumersKilled++
		}
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
	proctest.Check(t, st.bytes.Close())
	for _, p := range consumers {
		p.Wait()
	}
	st.judge(t, plan, started, consumersKilled)
}
