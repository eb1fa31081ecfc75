package ring_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/isthmus-go/isthmus/internal/proctest"
)

// Processes are killed at whatever instruction they are, and the ledger shows what has
// become of each message.

const (
	chaosKills = 12
	chaosBatch = 8 // the most of one operation, where somebody dies
)

// A chaosPlan says who dies.
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
	eachCrowd(t, func(t *testing.T, kind string) {
		for name, plan := range chaosPlans {
			for _, capacity := range manyRows[kind].chaos {
				t.Run(fmt.Sprint(name, "/capacity ", capacity), func(t *testing.T) {
					m := newMany(t, kind, capacity, plan.mode, chaosBatch, scaled(manyLength))
					producers := m.start("many producer", 3)
					consumers := m.start("many consumer", 2)
					consumersKilled := runChaos(t, m, plan, producers, consumers)
					m.end(producers, consumers)
					m.judge(plan, consumersKilled)
				})
			}
		}
	})
}

// runChaos kills some, and starts others in their places.
func runChaos(t *testing.T, m *many, plan chaosPlan, producers, consumers []*proctest.Proc) (consumersKilled int) {
	rnd := newRand(m.seed, -1)
	for range chaosKills {
		m.moment(rnd)
		victims, helper := producers, "many producer"
		if plan.consumers && (!plan.producers || rnd.IntN(2) == 0) {
			victims, helper = consumers, "many consumer"
			consumersKilled++
		}
		i := rnd.IntN(len(victims))
		if plan.pause && rnd.IntN(2) == 0 {
			victims[i].Stop()
			time.Sleep(time.Duration(rnd.IntN(3)) * time.Millisecond)
		}
		victims[i].Kill()
		victims[i] = m.start(helper, 1)[0]
	}
	t.Logf("%d producers and %d consumers were killed", chaosKills-consumersKilled, consumersKilled)
	return consumersKilled
}

// moment waits until some more messages have been popped: a point in time that has
// nothing to do with the steps of the processes, nor with the clock.
func (m *many) moment(rnd *rand.Rand) {
	target := m.popped.Load() + rnd.Uint64N(uint64(scaled(500)))
	total := func() (n int) {
		for id := range m.acked.Len() {
			n += int(m.acked.Load(id))
		}
		return n
	}
	proctest.Until(m.t, "messages come through", func() bool {
		return m.popped.Load() >= target || total() >= 2*m.length
	})
}

// judge compares what came with what was pushed.
func (m *many) judge(plan chaosPlan, consumersKilled int) {
	var lost, twice, extra int
	for id := range m.started["many producer"] {
		acked := int(m.acked.Load(id))
		for seq := range manyLength {
			n := int(m.seen.count(id, seq))
			if seq >= acked {
				extra += min(n, 1)
				if n > 0 && seq >= acked+m.batch {
					m.t.Errorf("message %d of producer %d has come, which had pushed %d", seq, id, acked)
				}
			} else if n == 0 {
				lost++
			}
			twice += max(n-1, 0)
		}
	}
	m.t.Logf("%d lost with their consumers, %d twice, %d of pushes that did not return", lost, twice, extra)
	maxLost, maxTwice := 0, 0
	if plan.mode == "takes" {
		maxLost = consumersKilled * m.batch // they had been returned
	} else {
		maxTwice = consumersKilled // they had not been released
	}
	if lost > maxLost || twice > maxTwice {
		m.t.Errorf("%d messages were lost (at most %d may be), %d came twice (at most %d)", lost, maxLost, twice, maxTwice)
	}
}
