package history

import (
	"context"
	"errors"
	"time"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/shm"
)

const condPlayers = 3

var condSubject = &subject{players: condPlayers, open: openCond, finish: finishCond, model: condModel, adjust: expandCond}

func newCond(p *player) *shm.Cond {
	l := proctest.Must(shm.NewLock(p.seg, p.name+" L"))(p.t)
	return proctest.Must(shm.NewCond(p.seg, p.name, l))(p.t)
}

func openCond(p *player) (turn, leave func()) {
	c := newCond(p)
	return func() { p.condOnce(c, p.rnd.IntN(8)) }, nothing
}

// finishCond waits, and may get what the dead have left.
func finishCond(p *player) { p.condOnce(newCond(p), 0) }

func (p *player) condOnce(c *shm.Cond, way int) {
	wait := func() {
		ctx, cancel := context.WithCancel(background)
		defer cancel()
		var at uint64
		timer := time.AfterFunc(time.Duration(p.rnd.IntN(1000))*time.Microsecond, func() {
			at = p.tape.tick()
			cancel()
		})
		defer timer.Stop()
		p.do(input{kind: await}, func() output {
			err := c.WaitContext(ctx)
			if errors.Is(err, context.Canceled) {
				return cancelledAt(at)
			}
			if !errors.Is(err, shm.ErrOwnerDied) {
				proctest.Check(p.t, err)
			}
			return did()
		})
	}
	wake := func() {
		if p.rnd.IntN(3) == 0 {
			p.do(input{kind: broadcast}, func() output { c.Broadcast(); return did() })
		} else {
			p.do(input{kind: signal}, func() output { c.Signal(); return did() })
		}
	}
	if way == 7 {
		wake()
		return
	}
	p.do(input{kind: lock}, func() output { c.L.Lock(); return did() })
	if way < 4 {
		for wait(); p.rnd.IntN(2) == 0; {
			wait()
			if p.rnd.IntN(4) == 0 {
				wake()
				break
			}
		}
	} else {
		wake()
	}
	p.do(input{kind: unlock}, func() output { c.L.Unlock(); return did() })
}

// cancelledAt is what came of a Wait that was cancelled at that time.
func cancelledAt(time uint64) output { return output{n: 1, v: [maxBatch]uint64{time}} }

// expandCond makes of a Wait what it does: it gives L up and waits, in one step; and then it
// uses up a signal and takes L, or it withdraws, and then takes L.
//
// A Broadcast wakes all who wait at one moment. It may also wake those who begin to wait
// while it goes on: as many as there are others in the round. And who is cancelled while it
// goes on may be too early for it, although it woke others before that.
//
// A death in a Broadcast leaves it to others, who begin anew. So does a death in a Wait,
// which may have been passing on what another has left.
func expandCond(history []event) (all []event) {
	for _, e := range history {
		part := func(k kind, pending bool) {
			e.kind, e.ok, e.pending = k, 1, pending
			all = append(all, e)
		}
		switch cut, ok := e.pending, e.ok; {
		case e.kind == await && cut:
			for _, k := range []kind{join, woken, withdraw, relock} {
				part(k, true)
			}
		case e.kind == await && ok == 1:
			part(join, false)
			part(woken, false)
		case e.kind == await:
			part(join, false)
			part(relock, false)
			e.call = max(e.call, e.v[0])
			part(withdraw, false)
			for _, f := range history {
				if f.kind == broadcast && f.call < e.ret && e.call < f.ret {
					part(lapse, true)
				}
			}
		case e.kind == broadcast:
			part(broadcast, cut)
			for range condPlayers - 1 {
				part(signal, true)
			}
		case e.kind == death:
			for _, f := range history {
				if f.who == e.who && f.pending && (f.kind == broadcast || f.kind == await) {
					e.a = uint64(2 * condPlayers)
				}
			}
			all = append(all, e)
		default:
			all = append(all, e)
		}
	}
	return all
}

// condState has the owner of L, by 1 more than the player, and who is in a Wait. Of those, the
// dead included, so many wait, and so many have a signal. Which of them does not matter, since
// all can do the same.
type condState struct {
	owner            int
	in               [maxPlayers]condPlace
	waiting, granted int
	again            uint64 // signals that may be passed on once more
	dead             [maxPlayers]bool
}

type condPlace byte

const (
	outsideWait condPlace = iota
	inWait
	withdrawn
)

var condModel = model{
	initial: condState{},
	step: func(state any, e event) (any, bool) {
		s, me := state.(condState), e.who+1
		place := &s.in[e.who]
		switch e.kind {
		case lock:
			ok := s.owner == 0 && !s.dead[e.who]
			s.owner = me
			return s, ok
		case unlock:
			ok := s.owner == me
			s.owner = 0
			return s, ok
		case join:
			ok := s.owner == me
			s.owner, *place = 0, inWait
			s.waiting++
			return s, ok
		case woken:
			ok := *place == inWait && s.owner == 0 && !s.dead[e.who]
			s.owner, *place = me, outsideWait
			switch {
			case s.granted > 0:
				s.granted--
			case s.again > 0:
				s.again--
				s.waiting--
			default:
				return s, false
			}
			return s, ok
		case withdraw:
			ok := *place == inWait && s.waiting > 0
			*place = withdrawn
			s.waiting--
			return s, ok
		case relock:
			ok := *place == withdrawn && s.owner == 0 && !s.dead[e.who]
			s.owner, *place = me, outsideWait
			return s, ok
		case signal:
			if s.waiting > 0 {
				s.waiting--
				s.granted++
			}
			return s, true
		case lapse:
			if s.granted > 0 {
				s.granted--
				s.waiting++
			}
			return s, true
		case broadcast:
			s.granted += s.waiting
			s.waiting = 0
			return s, true
		}
		// A death. The signal stays, and so does the place, to which one may yet go.
		s.dead[e.who] = true
		s.again += e.a
		if s.owner == me {
			s.owner = 0
		}
		return s, true
	},
	guesses: justDone,
}
