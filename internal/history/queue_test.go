package history

import (
	"context"
	"encoding/binary"
	"errors"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/ring"
)

// A queue of at most capacity messages, first in, first out. The players take
// turns in the roles of a ring that has them.
const capacity = 4

var (
	spscSubject = &subject{players: 4, open: openSPSC, finish: finishSPSC, model: queueModel(slotsRoom)}
	mpmcSubject = &subject{players: 4, open: openMPMC, finish: finishMPMC, model: queueModel(slotsRoom), adjust: excuse}
)

func newSPSC(p *player) *ring.SPSC[uint64] {
	return proctest.Must(ring.NewSPSC[uint64](p.seg, p.name, capacity))(p.t)
}

func newMPMC(p *player) *ring.MPMC[uint64] {
	return proctest.Must(ring.NewMPMC[uint64](p.seg, p.name, capacity))(p.t)
}

// openSPSC makes producers of two of the players, and consumers of the others.
func openSPSC(p *player) (turn, leave func()) {
	q := newSPSC(p)
	if p.who%2 == 0 {
		return func() {
			if r, ok := claim(p, q.Producer); ok {
				for range 1 + p.rnd.IntN(maxTurn) {
					p.pushOne(spscProducer{r})
				}
				proctest.Check(p.t, r.Detach())
			}
		}, nothing
	}
	return func() {
		if r, ok := claim(p, q.Consumer); ok {
			for range 1 + p.rnd.IntN(maxTurn) {
				p.popSome(spscConsumer{r}, true)
			}
			proctest.Check(p.t, r.Detach())
		}
	}, nothing
}

// claim tries to claim a role.
func claim[R any](p *player, f func() (R, error)) (R, bool) {
	r, err := f()
	if errors.Is(err, ring.ErrRoleTaken) {
		p.dawdle()
		return r, false
	}
	proctest.Check(p.t, err)
	return r, true
}

func finishSPSC(p *player) {
	q := newSPSC(p)
	proctest.Check(p.t, proctest.Must(q.Producer())(p.t).Close())
	p.popAll(spscConsumer{proctest.Must(q.Consumer())(p.t)})
}

func openMPMC(p *player) (turn, leave func()) { return p.useQueue(mpmcQueue{newMPMC(p)}), nothing }

// useQueue returns a turn of a player that both pushes and pops.
func (p *player) useQueue(q interface {
	pusher
	popper
}) func() {
	return func() {
		if p.rnd.IntN(2) == 0 {
			p.pushOne(q)
		} else {
			// A message that was lent to somebody killed comes out of order.
			p.popSome(q, !p.deadly)
		}
	}
}

func finishMPMC(p *player) {
	q := newMPMC(p)
	proctest.Check(p.t, q.Close())
	p.popAll(mpmcQueue{q})
}

type pusher interface {
	TryPush(v uint64) error
	Push(ctx context.Context, v uint64) error
	pushInPlace(ctx context.Context, v uint64, pause func()) error
}

type popper interface {
	TryPop() (uint64, error)
	Pop(ctx context.Context) (uint64, error)
	PopInto(ctx context.Context, dst []uint64) (int, error)
	popInPlace(ctx context.Context, pause func()) (uint64, error)
}

func (p *player) pushOne(q pusher) {
	v := uint64(p.who)<<16 | uint64(p.n)
	ctx, cancel := p.aMoment()
	defer cancel()
	way := p.rnd.IntN(3)
	p.do(input{kind: push, a: v}, func() output {
		switch way {
		case 0:
			return p.did(ring.ErrFull, q.TryPush(v))
		case 1:
			return p.timed(q.pushInPlace(ctx, v, p.dawdle))
		default:
			return p.timed(q.Push(ctx, v))
		}
	})
}

// popSome pops a message or some, or none.
func (p *player) popSome(q popper, mayLend bool) {
	ctx, cancel := p.aMoment()
	defer cancel()
	switch way := p.rnd.IntN(4); {
	case way == 0 && mayLend:
		p.do(input{kind: pop}, func() output {
			v, err := q.popInPlace(ctx, p.dawdle)
			return p.timed(err, v)
		})
	case way <= 1:
		p.do(input{kind: pop}, func() output {
			v, err := q.TryPop()
			return p.did(ring.ErrEmpty, err, v)
		})
	case way == 2:
		p.do(input{kind: pop}, func() output {
			v, err := q.Pop(ctx)
			return p.timed(err, v)
		})
	default:
		dst := make([]uint64, 1+p.rnd.IntN(maxBatch))
		p.do(input{kind: popInto, a: uint64(len(dst))}, func() output {
			n, err := q.PopInto(ctx, dst)
			return p.timed(err, dst[:n]...)
		})
	}
}

// popAll pops from a closed ring until it says that there is nothing more.
func (p *player) popAll(q popper) {
	for more := true; more; {
		more = p.do(input{kind: pop}, func() output {
			v, err := q.Pop(background)
			if err == ring.ErrClosed {
				return did()
			}
			return p.did(nil, err, v)
		}).n > 0
	}
}

// did tells what an operation has returned, which has not happened if the error
// is the one expected then.
func (p *player) did(unless, err error, v ...uint64) output {
	if unless != nil && errors.Is(err, unless) {
		return didNot
	}
	proctest.Check(p.t, err)
	return did(v...)
}

// timed is did for an operation with a context. If its time was over, that says
// nothing about the queue, and n is 1.
func (p *player) timed(err error, v ...uint64) output {
	o := p.did(context.DeadlineExceeded, err, v...)
	if o.ok == 0 {
		o.n = 1
	}
	return o
}

// The state of a queue is a string of its messages, 8 bytes each.
func enqueue(s string, v uint64) string {
	return string(binary.LittleEndian.AppendUint64([]byte(s), v))
}

func first(s string) uint64 { return binary.LittleEndian.Uint64([]byte(s[:8])) }

// slotsRoom says whether there is room for one more message.
func slotsRoom(s string, _ uint64) (surely, maybe bool) {
	room := len(s) < 8*capacity
	return room, room
}

// queueModel is that of a queue that says whether there surely is room for a message,
// and whether there may be.
func queueModel(room func(s string, v uint64) (surely, maybe bool)) model {
	return model{
		initial: "",
		step: func(state any, e event) (any, bool) {
			s := state.(string)
			excused := e.excused || e.n > 0
			if e.kind == push {
				surely, maybe := room(s, e.a)
				if e.ok == 0 {
					return s, excused || !surely
				}
				return enqueue(s, e.a), maybe
			}
			switch {
			case e.kind == death:
				return s, true
			case e.ok == 0:
				return s, excused || s == ""
			case e.n == 0: // closed and drained
				return s, s == ""
			}
			for _, v := range e.v[:e.n] {
				if s == "" || first(s) != v {
					return s, false
				}
				s = s[8:]
			}
			return s, true
		},
		guesses: func(state any, e event) (outs []output) {
			if e.kind == push {
				return []output{did()}
			}
			var vs []uint64
			for s := state.(string); s != "" && len(vs) < int(max(e.a, 1)); s = s[8:] {
				vs = append(vs, first(s))
				outs = append(outs, did(vs...))
			}
			return outs
		},
	}
}

// excuse marks the operations that may have found a ring without roles busy: a TryPop
// stops at a message that is still being pushed, even if there is one behind
// it, and a TryPush at one that is still being popped. Without anybody else in
// between they have to be right.
func excuse(history []event) []event {
	for i := range history {
		e := &history[i]
		for _, f := range history {
			if f.call > e.ret || f.ret < e.call || e.ok == 1 || f.kind == death {
				continue
			}
			other := f.kind != push
			if e.kind != push {
				other = f.kind == push
			}
			if other && (f.ok == 1 || f.pending) || e.kind == push && f.pending {
				e.excused = true
			}
		}
	}
	return history
}
