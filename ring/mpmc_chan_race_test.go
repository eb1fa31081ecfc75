package ring_test

import (
	"fmt"
	"testing"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/ring"
	"github.com/isthmus-go/isthmus/shm"
)

// In the tests of this file one party does something to rings of capacity 1 in
// each round, and the other tries to pop, at any moment after the round's start.

const (
	roundsAtOnce = 50 // with rings of their own: more would take long to open
	raceRounds   = 40 * roundsAtOnce
)

// A duel is what the two share.
type duel struct {
	start, over *ring.MPMC[uint64] // of a round, and of roundsAtOnce of them
	rings       [2][roundsAtOnce]*ring.MPMC[uint64]
	popped      *shm.Value[uint64] // how many of the first rings' messages
}

func newDuel(c *proctest.Child, s *shm.Segment) *duel {
	d := &duel{
		start: numbers(c, s, "start", 1), over: numbers(c, s, "over", 1), popped: counter(c, s, "popped"),
	}
	for i := range d.rings {
		for j := range d.rings[i] {
			d.rings[i][j] = numbers(c, s, fmt.Sprint(i, " ", j), 1)
		}
	}
	return d
}

// ringsOf returns the two rings of a round.
func (d *duel) ringsOf(round uint64) (one, two *ring.MPMC[uint64]) {
	return d.rings[0][round%roundsAtOnce], d.rings[1][round%roundsAtOnce]
}

// renew makes the rings unused again, before a round and when nobody is at one.
func (d *duel) renew(c *proctest.Child, round uint64) {
	if n := d.popped.Load(); n != round {
		c.Fatalf("%d messages were popped in %d rounds", n, round)
	}
	for i := range d.rings {
		for _, q := range d.rings[i] {
			q.SetOpen(true)
			q.SetStart(4 * round) // further than anybody was
		}
	}
}

// doer makes the party that does something in each round. It readies the rings,
// calls start once, and goes on.
func doer(do func(c *proctest.Child, d *duel, round uint64, start func())) party {
	return func(c *proctest.Child, s *shm.Segment) {
		d := newDuel(c, s)
		for round := range uint64(scaled(raceRounds)) {
			if round > 0 && round%roundsAtOnce == 0 {
				proctest.Must(d.over.Pop(background))(c)
				d.renew(c, round)
			}
			do(c, d, round, func() { c.Check(d.start.Push(background, round)) })
		}
		c.Check(d.start.Close())
	}
}

// trier makes the party that tries once in each round.
func trier(try func(c *proctest.Child, d *duel, round uint64)) party {
	return func(c *proctest.Child, s *shm.Segment) {
		d := newDuel(c, s)
		for round, err := range d.start.All(background) {
			c.Check(err)
			try(c, d, round)
			if (round+1)%roundsAtOnce == 0 {
				c.Check(d.over.Push(background, round))
			}
		}
	}
}

// took counts the pop of the first ring's message, and reports whether there was
// one. If not, the error must be the one given.
func (d *duel) took(c *proctest.Child, round, n uint64, err, otherwise error) bool {
	if err == nil && n == round {
		shm.Add(d.popped, 1)
		return true
	}
	if err != otherwise {
		c.Fatalf("round %d: popped %d, %v; want the round, or %v", round, n, err, otherwise)
	}
	return false
}

var _ = proctest.Register("chan receive race", parties(
	doer(func(c *proctest.Child, d *duel, round uint64, start func()) {
		q, _ := d.ringsOf(round)
		c.Check(q.Push(background, round))
		start()
		c.Check(q.Close())
		n, err := q.Pop(background)
		d.took(c, round, n, err, ring.ErrClosed)
	}),
	trier(func(c *proctest.Child, d *duel, round uint64) {
		q, _ := d.ringsOf(round)
		n, err := q.TryPop()
		d.took(c, round, n, err, ring.ErrClosed)
	}),
))

// TestNonblockRecvRace closes a ring with a message, and pops it: whoever tries
// meanwhile finds the message or the end, never neither.
func TestNonblockRecvRace(t *testing.T) { eachWay(t, "chan receive race", 2) }

// readyFirst makes the party that readies one ring, and, before it pops from that,
// the other, so that one of them is ready at any moment.
func readyFirst(ready func(q *ring.MPMC[uint64], round uint64) error) party {
	return doer(func(c *proctest.Child, d *duel, round uint64, start func()) {
		one, two := d.ringsOf(round)
		c.Check(one.Push(background, round))
		start()
		c.Check(ready(two, round))
		n, err := one.TryPop()
		d.took(c, round, n, err, ring.ErrEmpty)
	})
}

// tryBoth tries one ring, then the other, which must be ready in its way.
func tryBoth(ready error) party {
	return trier(func(c *proctest.Child, d *duel, round uint64) {
		one, two := d.ringsOf(round)
		if n, err := one.TryPop(); d.took(c, round, n, err, ring.ErrEmpty) {
			return
		}
		if n, err := two.TryPop(); err != ready || err == nil && n != round {
			c.Fatalf("round %d: popped %d, %v from the other ring; want %v", round, n, err, ready)
		}
	})
}

var _ = proctest.Register("chan push race", parties(
	readyFirst(func(q *ring.MPMC[uint64], round uint64) error { return q.Push(background, round) }),
	tryBoth(nil),
))

// TestNonblockSelectRace: who finds that the first message has been popped must
// find the one that was pushed before.
func TestNonblockSelectRace(t *testing.T) { eachWay(t, "chan push race", 2) }

var _ = proctest.Register("chan close race", parties(
	readyFirst(func(q *ring.MPMC[uint64], round uint64) error { return q.Close() }),
	tryBoth(ring.ErrClosed),
))

// TestNonblockSelectRace2 has the second ring closed.
func TestNonblockSelectRace2(t *testing.T) { eachWay(t, "chan close race", 2) }
