package history

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"sync/atomic"
	"time"

	"github.com/isthmus-go/isthmus/internal/arch"
	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/shm"
)

// A player plays one part of one round, and writes it down.
type player struct {
	t    proctest.Fataler
	rnd  *rand.Rand
	seg  *shm.Segment
	name string // of the round's object
	who  int    // differs from that of every other player of the round
	tape *tape
	n    int // records written

	hurried bool // does not dawdle
	deadly  bool // some players of the round are killed
}

// do writes down an operation and what came of it.
func (p *player) do(in input, f func() output) output {
	p.dawdle()
	r := &p.tape.pages[p.who][p.n]
	p.n++
	r.input = in
	atomic.StoreUint64(&r.call, p.tape.tick())
	r.output = f()
	atomic.StoreUint64(&r.ret, p.tape.tick())
	return r.output
}

// dawdle lets the others get ahead, or not. A nap lets those run who share the
// processor.
func (p *player) dawdle() {
	switch {
	case p.hurried:
	case p.rnd.IntN(napsOneIn) == 0:
		time.Sleep(shortNap)
	case p.rnd.IntN(4) == 0:
		arch.Pause(p.rnd.Uint32N(32))
	}
}

func nothing() {}

// aMoment is a context that ends soon.
func (p *player) aMoment() (context.Context, context.CancelFunc) {
	return context.WithTimeout(background, time.Duration(p.rnd.IntN(1000))*time.Microsecond)
}

// did and didNot are what came of operations that return no numbers.
var didNot = output{}

func did(v ...uint64) output {
	o := output{ok: 1, n: uint64(len(v))}
	copy(o.v[:], v)
	return o
}

func didIf(ok bool) output {
	if ok {
		return did()
	}
	return didNot
}

const (
	maxGoal   = 60 // operations of a player in a round, about
	maxTurn   = 16 // of one turn, at most
	maxDelay  = 14 // bits of the spin-wait hints before a kill
	minDelay  = 4
	patience  = 200 // spin-wait hints before a player sleeps until the round begins
	shortNap  = 20 * time.Microsecond
	napsOneIn = 16
)

// The player's process gets a line for each round: its number, which is the
// name of the object, a seed, whether anybody is doomed, and whether this player
// is. A doomed player goes on until it is killed, by itself, at a random moment:
// no other process could hit so short a time.
var _ = proctest.Register("player", func(c *proctest.Child) {
	s := subjects[c.Arg(0)]
	tape, _ := mapTape(c, c.Arg(1))
	who := 0
	fmt.Sscan(c.Arg(2), &who)
	seg := proctest.Must(shm.Open(segmentName, nil))(c)
	for {
		line := c.Recv()
		if line == "end" {
			c.Check(seg.Close())
			return
		}
		var round, seed uint64
		var deadly, doomed bool
		_, err := fmt.Sscan(line, &round, &seed, &deadly, &doomed)
		c.Check(err)
		p := &player{
			t: c, rnd: rand.New(rand.NewPCG(seed, uint64(who))), seg: seg,
			name: fmt.Sprint(round), who: who, tape: tape,
			hurried: seed%2 == 0, deadly: deadly, // like all others
		}
		turn, leave := s.open(p)
		c.Send("ready")
		for atomic.LoadUint64(&tape.started) != round {
			arch.Pause(patience)
			time.Sleep(shortNap)
		}
		goal := 1 + p.rnd.IntN(maxGoal)
		if doomed {
			goal = maxRecords - maxTurn
			delay := p.rnd.Uint32N(1 << (minDelay + p.rnd.IntN(maxDelay-minDelay)))
			go func() {
				arch.Pause(delay)
				die()
			}()
		}
		for p.n < goal {
			turn()
		}
		leave()
		if doomed {
			die()
		}
		c.Send("done")
	}
})

// die kills this process, and does not return.
func die() {
	self, err := os.FindProcess(os.Getpid())
	if err == nil {
		err = self.Kill()
	}
	if err != nil {
		panic(err)
	}
	select {}
}
