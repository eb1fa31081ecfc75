package sim_test

import (
	"fmt"
	"math/rand/v2"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/internal/ringtest"
	"github.com/isthmus-go/isthmus/internal/sim"
)

// A run is the work of some producers and consumers on one ring.
type run struct {
	subject
	world     *sim.World
	rings     []ringtest.Ring // by seat
	each      int             // messages of a producer
	producers []*producer
	consumers []*consumer
	deaths    bool
	lends     int // in how many of four times a consumer reads in place
	ledger
}

const closer = 0 // the seat of who closes the ring

func newRun(s *stage, seed uint64) *run {
	rnd := rand.New(rand.NewPCG(seed, 1))
	r := &run{subject: newSubject(rnd), world: sim.NewWorld(seed), deaths: rnd.IntN(4) == 0}
	producers, consumers := 1+rnd.IntN(5), 1+rnd.IntN(3)
	r.each = 5 + rnd.IntN(60)
	r.lends = []int{1, 1, 4}[rnd.IntN(3)]
	r.ledger = newLedger(producers, r.each)
	for i := range 1 + producers + consumers {
		r.rings = append(r.rings, proctest.Must(r.kind(s.seat(i), fmt.Sprint("ring", s.rings), r.capacity))(s.t))
	}
	r.goRound(s, rnd.IntN(3*r.batch))

	for i := range producers {
		p := &producer{run: r, id: i, rnd: rand.New(rand.NewPCG(seed, uint64(2+i)))}
		p.end = proctest.Must(r.rings[1+i].Producer())(s.t)
		p.agent = r.world.Add(fmt.Sprint("producer ", i), nil, p.work)
		r.producers = append(r.producers, p)
	}
	for i := range consumers {
		c := &consumer{run: r, rnd: rand.New(rand.NewPCG(seed, uint64(10+i))), next: make([]int, producers)}
		c.end = proctest.Must(r.rings[1+producers+i].Consumer())(s.t)
		c.agent = r.world.Add(fmt.Sprint("consumer ", i), nil, c.work)
		r.consumers = append(r.consumers, c)
	}
	end := proctest.Must(r.rings[closer].Producer())(s.t)
	r.world.Add("closer", func() bool { return r.producing() == 0 }, func(a *sim.Agent) error {
		a.Begin("Close")
		return end.Close()
	})
	if r.deaths {
		r.doom(s, rnd.IntN(producers+consumers))
	}
	return r
}

// goRound has the ring begin somewhere else than at its start.
func (r *run) goRound(s *stage, messages int) {
	p := proctest.Must(r.rings[closer].Producer())(s.t)
	c := proctest.Must(r.rings[closer].Consumer())(s.t)
	for range messages {
		proctest.Check(s.t, p.TryPush(0))
		proctest.Must(c.TryPop())(s.t)
	}
}

// doom says who may die: anybody, but for the last consumer.
func (r *run) doom(s *stage, i int) {
	if i < len(r.producers) {
		p := r.producers[i]
		p.agent.Mortal(func() {
			p.over = true
			s.leave(1 + i)
		})
		return
	}
	if len(r.consumers) > 1 {
		c := r.consumers[i-len(r.producers)]
		c.agent.Mortal(func() {
			c.dead = true
			r.diedReading(c)
			s.leave(1 + i)
		})
	}
}

// producing counts the producers that are not done.
func (r *run) producing() (n int) {
	for _, p := range r.producers {
		if !p.over {
			n++
		}
	}
	return n
}

func (r *run) String() string {
	return fmt.Sprintf("%s with a capacity of %d, %d producers of %d messages each, and %d consumers",
		r.name, r.capacity, len(r.producers), r.each, len(r.consumers))
}
