package history

import (
	"context"
	"errors"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/ring"
	"github.com/isthmus-go/isthmus/shm"
)

// Two queues and a lock, of which a Select does exactly one thing. Others use the queues alone.
var selectSubject = &subject{players: 4, open: openSelect, finish: finishSelect, model: selectModel}

// The cases of a Select, in their order.
const (
	pushFirst = iota
	pushSecond
	popFirst
	popSecond
	lockIt
	choices
)

// between are the objects of a round.
type between struct {
	queues [2]mpmcQueue
	lock   *shm.Lock
}

func newBetween(p *player) (b between) {
	for i, name := range []string{" 1", " 2"} {
		b.queues[i] = mpmcQueue{proctest.Must(ring.NewMPMC[uint64](p.seg, p.name+name, capacity))(p.t)}
	}
	b.lock = proctest.Must(shm.NewLock(p.seg, p.name))(p.t)
	return b
}

func openSelect(p *player) (turn, leave func()) {
	b := newBetween(p)
	return func() {
		switch p.rnd.IntN(8) {
		case 0:
			p.alone(b, 1<<(pushFirst+p.rnd.IntN(2)))
		case 1:
			p.alone(b, 1<<(popFirst+p.rnd.IntN(2)))
		default:
			p.choose(b, 1+p.rnd.Uint64N(1<<choices-1), p.aMoment)
		}
	}, nothing
}

// finishSelect pops all that is left.
func finishSelect(p *player) {
	b := newBetween(p)
	for _, q := range b.queues {
		proctest.Check(p.t, q.Close())
	}
	for left := uint64(1<<popFirst | 1<<popSecond); left != 0; {
		o := p.choose(b, left, func() (context.Context, context.CancelFunc) { return background, nothing })
		if o.n == 1 {
			left &^= 1 << o.v[0]
		}
	}
}

// choose is a Select. It is recorded as choose, with the case that took place and what was
// popped, or the case alone if that queue is closed.
func (p *player) choose(b between, mask uint64, moment func() (context.Context, context.CancelFunc)) output {
	v := uint64(p.who)<<16 | uint64(p.n)
	ctx, cancel := moment()
	defer cancel()
	var got uint64
	cases := [choices]shm.Case{
		b.queues[0].PushCase(&v), b.queues[1].PushCase(&v), b.queues[0].PopCase(&got), b.queues[1].PopCase(&got), b.lock.LockCase(),
	}
	for i := range cases {
		if mask>>i&1 == 0 {
			cases[i] = shm.Case{}
		}
	}
	o := p.do(input{kind: choose, a: mask, b: v}, func() output {
		i, err := shm.Select(ctx, cases[:]...)
		switch {
		case i < 0:
			return p.timed(err)
		case errors.Is(err, ring.ErrClosed):
			return did(uint64(i))
		case !errors.Is(err, shm.ErrOwnerDied):
			proctest.Check(p.t, err)
		}
		if got != 0 && i != popFirst && i != popSecond {
			p.t.Fatalf("case %d took place, and %#x was popped", i, got)
		}
		return did(uint64(i), got)
	})
	if o.ok == 1 && o.v[0] == lockIt {
		p.do(input{kind: unlock}, func() output { b.lock.Unlock(); return did() })
	}
	return o
}

// alone does the one thing of a mask without a Select.
func (p *player) alone(b between, mask uint64) {
	v := uint64(p.who)<<16 | uint64(p.n)
	ctx, cancel := p.aMoment()
	defer cancel()
	p.do(input{kind: choose, a: mask, b: v}, func() output {
		for i := range b.queues {
			switch mask {
			case 1 << (pushFirst + i):
				return p.timed(b.queues[i].Push(ctx, v), uint64(pushFirst+i), 0)
			case 1 << (popFirst + i):
				got, err := b.queues[i].Pop(ctx)
				return p.timed(err, uint64(popFirst+i), got)
			}
		}
		panic("no such mask")
	})
}

type selectState struct {
	queues [2]string
	owner  int // 1 more than the player
	dead   [maxPlayers]bool
}

var selectModel = model{
	initial: selectState{},
	step: func(state any, e event) (any, bool) {
		s, me := state.(selectState), e.who+1
		switch {
		case e.kind == death:
			s.dead[e.who] = true
			if s.owner == me {
				s.owner = 0
			}
			return s, true
		case e.kind == unlock:
			ok := s.owner == me
			s.owner = 0
			return s, ok
		case e.ok == 0: // its time was over
			return s, e.n > 0
		}
		chosen := e.v[0]
		if e.a>>chosen&1 == 0 {
			return s, false
		}
		if chosen == lockIt {
			ok := s.owner == 0 && !s.dead[e.who]
			s.owner = me
			return s, ok
		}
		q := &s.queues[chosen%2]
		switch {
		case chosen < popFirst:
			*q = enqueue(*q, e.b)
			return s, len(*q) <= 8*capacity
		case e.n == 1: // closed and drained
			return s, *q == ""
		case *q == "" || first(*q) != e.v[1]:
			return s, false
		}
		*q = (*q)[8:]
		return s, true
	},
	guesses: func(state any, e event) (outs []output) {
		if e.kind == unlock {
			return []output{did()}
		}
		s := state.(selectState)
		for i := range uint64(choices) {
			switch q := s.queues[i%2]; {
			case e.a>>i&1 == 0:
			case i == popFirst || i == popSecond:
				if q != "" {
					outs = append(outs, did(i, first(q)))
				}
			default:
				outs = append(outs, did(i, 0))
			}
		}
		return outs
	},
}
