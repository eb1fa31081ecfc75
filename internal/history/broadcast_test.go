package history

import (
	"errors"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/ring"
)

// One queue for each subscriber, which begins when it subscribes. Two of the players take
// turns as the producer, and the others subscribe again and again.
var (
	lossySubject    = castSubject(false)
	losslessSubject = castSubject(true)
)

func castSubject(lossless bool) *subject {
	open := func(p *player) *ring.Broadcast[uint64] {
		if lossless {
			return proctest.Must(ring.NewBroadcast[uint64](p.seg, p.name, capacity, ring.Lossless))(p.t)
		}
		return proctest.Must(ring.NewBroadcast[uint64](p.seg, p.name, capacity))(p.t)
	}
	return &subject{
		players: 4,
		open: func(p *player) (turn, leave func()) {
			b := open(p)
			if p.who%2 == 0 {
				return func() { p.castSome(b) }, nothing
			}
			return p.subscribe(b)
		},
		finish: func(p *player) { // there is room, whoever has died
			b := open(p)
			cast := proctest.Must(b.Producer())(p.t)
			turn, leave := p.subscribe(b)
			for range 2 * capacity {
				p.do(input{kind: push, a: 1}, func() output { return p.did(nil, cast.Push(background, 1)) })
				turn()
				turn()
			}
			leave()
		},
		model:  castModel(lossless),
		adjust: excuseCast,
	}
}

// castSome is a turn as the producer.
func (p *player) castSome(b *ring.Broadcast[uint64]) {
	if r, ok := claim(p, b.Producer); ok {
		for range 1 + p.rnd.IntN(maxTurn) {
			p.pushOne(spscProducer{r})
		}
		proctest.Check(p.t, r.Detach())
	}
}

// subscribe returns the turn of a subscriber.
func (p *player) subscribe(b *ring.Broadcast[uint64]) (turn, leave func()) {
	var s *ring.Subscriber[uint64]
	leave = func() {
		if s != nil {
			p.do(input{kind: detach}, func() output { return p.did(nil, s.Detach()) })
			s = nil
		}
	}
	return func() {
		switch {
		case s == nil:
			p.do(input{kind: subscribe}, func() output {
				s = proctest.Must(b.Subscribe(ring.FromNow))(p.t)
				return did(s.Position())
			})
		case p.rnd.IntN(maxTurn) == 0:
			leave()
		default:
			p.popCast(s)
		}
	}, leave
}

// missed is the ok of a pop that has told how many messages were missed.
const missed = 2

func (p *player) popCast(s *ring.Subscriber[uint64]) {
	ctx, cancel := p.aMoment()
	defer cancel()
	wait := p.rnd.IntN(2) == 0
	p.do(input{kind: pop}, func() output {
		var v uint64
		var err error
		if wait {
			v, err = s.Pop(ctx)
		} else {
			v, err = s.TryPop()
		}
		var lapped *ring.LappedError
		switch {
		case errors.As(err, &lapped):
			o := did(lapped.Missed)
			o.ok = missed
			return o
		case wait:
			return p.timed(err, v)
		}
		return p.did(ring.ErrEmpty, err, v)
	})
}

// castState is how many messages were pushed, the last of them, and how many have gone by
// each subscriber.
type castState struct {
	pushed uint64
	last   [capacity]uint64 // by number
	passed [maxPlayers]uint64
	role   [maxPlayers]byte
}

const (
	_ byte = iota
	listening
	gone // has died as a subscriber, and may still hold the producer up
)

// lags reports whether a lossless producer waits for somebody with such a role.
func (s *castState) lags(role byte) bool {
	for who, passed := range s.passed {
		if s.role[who] == role && s.pushed >= passed+capacity {
			return true
		}
	}
	return false
}

// next returns the message that who pops next, if it is there.
func (s *castState) next(who int) (v uint64, ok bool) {
	n := s.passed[who]
	return s.last[n%capacity], n < s.pushed && n+capacity >= s.pushed
}

func castModel(lossless bool) model {
	return model{
		initial: castState{},
		step: func(state any, e event) (any, bool) {
			s := state.(castState)
			switch {
			case e.kind == death:
				if s.role[e.who] == listening {
					s.role[e.who] = gone
				}
			case e.kind == subscribe:
				if e.n > 0 && e.v[0] != s.pushed {
					return s, false
				}
				s.role[e.who], s.passed[e.who] = listening, s.pushed
			case e.kind == detach:
				s.role[e.who], s.passed[e.who] = 0, 0
			case e.kind == push && e.ok == 0:
				return s, e.excused || e.n > 0 || lossless && (s.lags(listening) || s.lags(gone))
			case e.kind == push:
				if lossless && s.lags(listening) {
					return s, false
				}
				s.last[s.pushed%capacity] = e.a
				s.pushed++
			case e.ok == 0:
				return s, e.n > 0 || s.passed[e.who] == s.pushed
			case e.ok == missed:
				// The producer may have begun with one message more.
				oldest := s.passed[e.who] + e.v[0]
				s.passed[e.who] = oldest
				return s, !lossless && e.v[0] > 0 && (oldest+capacity == s.pushed || oldest+capacity == s.pushed+1)
			default:
				v, ok := s.next(e.who)
				s.passed[e.who]++
				return s, ok && v == e.v[0]
			}
			return s, true
		},
		guesses: func(state any, e event) []output {
			if e.kind != pop {
				return []output{did()}
			}
			s := state.(castState)
			if v, ok := s.next(e.who); ok {
				return []output{did(v)}
			}
			return nil
		},
	}
}

// excuseCast marks the pushes that may have found a ring full because of who was just
// subscribing, on the line of somebody who was behind.
func excuseCast(history []event) []event {
	for i := range history {
		e := &history[i]
		for _, f := range history {
			if f.kind == subscribe && f.call < e.ret && e.call < f.ret {
				e.excused = e.excused || e.kind == push && e.ok == 0 && !e.pending
			}
		}
	}
	return history
}
