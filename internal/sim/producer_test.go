package sim_test

import (
	"fmt"
	"math/rand/v2"

	"github.com/isthmus-go/isthmus/internal/ringtest"
	"github.com/isthmus-go/isthmus/internal/sim"
	"github.com/isthmus-go/isthmus/ring"
)

// A producer pushes its messages, in every way that there is.
type producer struct {
	run   *run
	agent *sim.Agent
	end   ringtest.Producer
	id    int
	rnd   *rand.Rand
	over  bool
}

func (p *producer) work(a *sim.Agent) error {
	tally := &p.run.pushed[p.id]
	for tally.done < p.run.each {
		a.Rest()
		k := tally.done
		tally.begun = max(tally.begun, k+1)
		n := number(p.id, k)
		var err error
		switch p.rnd.IntN(5) {
		case 0:
			a.Begin("TryPush")
			if err = p.end.TryPush(n); err == ring.ErrFull {
				continue
			}
		case 1:
			a.Begin("Push")
			err = p.end.Push(background, n)
		case 2:
			err = p.pushAll(a, k, min(k+1+p.rnd.IntN(p.run.batch), p.run.each))
		case 3:
			a.Begin("Reserve")
			var r ringtest.Reserved
			if r, err = p.end.Reserve(background, n); err == nil {
				a.Rest()
				a.Begin("Commit")
				err = r.Commit()
			}
		case 4:
			a.Begin("Reserve, to cancel")
			var r ringtest.Reserved
			if r, err = p.end.Reserve(background, number(p.id, p.run.each+p.rnd.IntN(100))); err == nil {
				a.Rest()
				a.Begin("Cancel")
				err = r.Cancel()
			}
			if err == nil {
				continue
			}
		}
		if err != nil {
			return err
		}
		tally.done = max(tally.done, k+1)
	}
	p.over = true
	return nil
}

func (p *producer) pushAll(a *sim.Agent, from, to int) error {
	tally := &p.run.pushed[p.id]
	tally.begun = max(tally.begun, to)
	a.Begin(fmt.Sprint("PushAll of ", to-from))
	n, err := p.end.PushAll(background, number(p.id, from), number(p.id, to))
	if err == nil && n != to-from {
		err = fmt.Errorf("%d were pushed", n)
	}
	tally.done = from + n
	return err
}
