package history

import (
	"encoding/binary"
	"slices"
	"strings"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/ring"
)

var workSubject = &subject{players: 4, open: openWork, finish: finishWork, model: workModel, adjust: excuseWork}

func newWork(p *player) *ring.WorkQueue[uint64] {
	return proctest.Must(ring.NewWorkQueue[uint64](p.seg, p.name, capacity))(p.t)
}

func openWork(p *player) (turn, leave func()) {
	q := newWork(p)
	var tasks []ring.Task[uint64]
	got := func(t ring.Task[uint64], err error, unless error) output {
		if err != nil {
			return p.did(unless, err)
		}
		tasks = append(tasks, t)
		return did(*t.Value(), uint64(t.Deliveries()))
	}
	end := func(kind kind, end func(ring.Task[uint64]) error) {
		i := p.rnd.IntN(len(tasks))
		t := tasks[i]
		tasks = slices.Delete(tasks, i, i+1)
		p.do(input{kind: kind, a: *t.Value()}, func() output { return p.did(nil, end(t)) })
	}
	ack := func() { end(ack, ring.Task[uint64].Ack) }
	turn = func() {
		ctx, cancel := p.aMoment()
		defer cancel()
		v := uint64(p.who)<<16 | uint64(p.n)
		switch way := p.rnd.IntN(10); {
		case way < 2:
			p.do(input{kind: push, a: v}, func() output { return p.did(ring.ErrFull, q.TryPut(v)) })
		case way < 4:
			p.do(input{kind: push, a: v}, func() output { return p.timed(q.Put(ctx, v)) })
		case way == 4:
			p.do(input{kind: await}, func() output { return p.waited(q.Join(ctx)) })
		case len(tasks) > 2 || len(tasks) > 0 && way > 7:
			ack()
		case len(tasks) > 0 && way == 7:
			end(nack, ring.Task[uint64].Nack)
		case way == 5:
			p.do(input{kind: pop}, func() output { t, err := q.TryGet(); return got(t, err, ring.ErrEmpty) })
		default:
			p.do(input{kind: pop}, func() output {
				t, err := q.Get(ctx)
				o := got(t, err, ctx.Err())
				if o.ok == 0 {
					o.n = 1 // which says nothing about the queue
				}
				return o
			})
		}
	}
	return turn, func() {
		for len(tasks) > 0 {
			ack()
		}
	}
}

func finishWork(p *player) {
	q := newWork(p)
	proctest.Check(p.t, q.Close())
	for more := true; more; {
		var t ring.Task[uint64]
		o := p.do(input{kind: pop}, func() (o output) {
			var err error
			if t, err = q.Get(background); err == ring.ErrClosed {
				return did()
			}
			proctest.Check(p.t, err)
			return did(*t.Value(), uint64(t.Deliveries()))
		})
		if more = o.n > 0; more {
			p.do(input{kind: ack, a: o.v[0]}, func() output { return p.did(nil, t.Ack()) })
		}
	}
}

// workState is what waits to be delivered, in order; what came back; and what each living player
// holds. Each message is 8 bytes, with its deliveries in the highest.
type workState struct {
	queue, back string
	held        [maxPlayers]string
}

const deliveriesShift = 56

// without returns s without a message, and whether it was there.
func without(s string, m string) (string, bool) {
	for i := 0; i < len(s); i += 8 {
		if s[i:i+8] == m {
			return s[:i] + s[i+8:], true
		}
	}
	return s, false
}

// with returns s, in which the order means nothing, with some messages.
func with(s, more string) string {
	var all []string
	for s += more; s != ""; s = s[8:] {
		all = append(all, s[:8])
	}
	slices.Sort(all)
	return strings.Join(all, "")
}

// find returns the message of s with that number.
func find(s string, v uint64) (m string, ok bool) {
	for ; s != ""; s = s[8:] {
		if first(s)&^(0xff<<deliveriesShift) == v {
			return s[:8], true
		}
	}
	return "", false
}

// delivered returns message m after another delivery.
func delivered(m string) string {
	return string(binary.LittleEndian.AppendUint64(nil, first(m)+1<<deliveriesShift))
}

// workModel is that of a WorkQueue. A Get takes what came back, or the first that was not
// delivered yet.
var workModel = model{
	initial: workState{},
	step: func(state any, e event) (any, bool) {
		s := state.(workState)
		mine := &s.held[e.who]
		switch {
		case e.kind == death:
			s.back = with(s.back, *mine)
			*mine = ""
			return s, true
		case e.kind == await:
			return s, e.ok == 0 || s == workState{}
		case e.kind == push && e.ok == 0:
			return s, e.excused || e.n > 0 || s.queue != "" || s.back != "" || s.inUse() >= capacity
		case e.kind == push:
			s.queue = enqueue(s.queue, e.a)
			return s, s.inUse() <= capacity
		case e.kind == ack || e.kind == nack:
			m, ok := find(*mine, e.a)
			*mine, _ = without(*mine, m)
			if e.kind == nack {
				s.back = with(s.back, m)
			}
			return s, ok
		case e.ok == 0:
			return s, e.excused || e.n > 0 || s.queue == "" && s.back == ""
		case e.n == 0: // closed, and all is acknowledged
			return s, s == workState{}
		}
		m, back := find(s.back, e.v[0])
		if back {
			s.back, _ = without(s.back, m)
		} else if s.queue != "" && first(s.queue) == e.v[0] {
			m, s.queue = s.queue[:8], s.queue[8:]
		} else {
			return s, false
		}
		m = delivered(m)
		*mine = with(*mine, m)
		return s, first(m)>>deliveriesShift == e.v[1]
	},
	guesses: func(state any, e event) (outs []output) {
		s := state.(workState)
		if e.kind != pop {
			return []output{did()}
		}
		for m := s.back + s.queue[:min(len(s.queue), 8)]; m != ""; m = m[8:] {
			v := first(m) &^ (0xff << deliveriesShift)
			outs = append(outs, did(v, first(m)>>deliveriesShift+1))
		}
		return outs
	},
}

// inUse counts the messages.
func (s workState) inUse() int {
	n := len(s.queue) + len(s.back)
	for _, h := range s.held {
		n += len(h)
	}
	return n / 8
}

// excuseWork marks what has failed while others were at it, or after a death. A Get that looks
// for what came back keeps others from looking, even if it gets nothing in the end.
func excuseWork(history []event) []event {
	for i := range history {
		e := &history[i]
		for j, f := range history {
			if i != j && f.call < e.ret && e.call < f.ret && (f.ok == 1 || f.pending || f.kind == death || f.kind == pop) {
				e.excused = true
			}
		}
	}
	return history
}
