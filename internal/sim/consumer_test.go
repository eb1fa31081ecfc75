package sim_test

import (
	"fmt"
	"math/rand/v2"

	"github.com/isthmus-go/isthmus/internal/ringtest"
	"github.com/isthmus-go/isthmus/internal/sim"
	"github.com/isthmus-go/isthmus/ring"
)

// A consumer pops messages, in every way that there is, until the ring is closed.
type consumer struct {
	run   *run
	agent *sim.Agent
	end   ringtest.Consumer
	rnd   *rand.Rand
	next  []int // the first message of each producer that may come
	dead  bool

	// What it leaves if it dies now.
	most    int  // how many messages its operation may have taken
	lending bool // one that others get, late
}

func (c *consumer) work(a *sim.Agent) error {
	for {
		a.Rest()
		err := c.pop(a)
		c.most, c.lending = 0, false
		switch err {
		case nil, ring.ErrEmpty:
		case ring.ErrClosed:
			return nil
		default:
			return err
		}
	}
}

func (c *consumer) pop(a *sim.Agent) error {
	if c.rnd.IntN(4) < c.run.lends {
		return c.read(a)
	}
	switch c.rnd.IntN(3) {
	case 0:
		c.most = 1
		a.Begin("TryPop")
		return c.enter(c.end.TryPop())
	case 1:
		c.most = 1
		a.Begin("Pop")
		return c.enter(c.end.Pop(background))
	default:
		c.most = 1 + c.rnd.IntN(c.run.batch)
		a.Begin(fmt.Sprint("PopInto ", c.most))
		ns, err := c.end.PopInto(background, c.most)
		for _, n := range ns {
			if err == nil {
				err = c.enter(n, nil)
			}
		}
		return err
	}
}

// read reads a message in place.
func (c *consumer) read(a *sim.Agent) error {
	c.lending = true
	a.Begin("Next")
	l, err := c.end.Next(background)
	if err != nil {
		return err
	}
	a.Begin("read")
	a.Rest()
	if n, err := l.Read(); n != l.N || err != nil {
		return fmt.Errorf("%#x has become %#x (%v)", l.N, n, err)
	}
	c.most = 1
	a.Begin("Release")
	if err := l.Release(); err != nil {
		return err
	}
	return c.enter(l.N, nil)
}

// enter enters a message in the ledger.
func (c *consumer) enter(n uint64, err error) error {
	if err != nil {
		return err
	}
	p, k := split(n)
	if err := c.run.popped(p, k); err != nil {
		return err
	}
	if k < c.next[p] {
		return c.run.outOfOrder(fmt.Errorf("message %d of producer %d, after %d", k, p, c.next[p]-1))
	}
	c.next[p] = k + 1
	return nil
}
