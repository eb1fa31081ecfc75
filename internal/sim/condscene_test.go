package sim_test

import "math/rand/v2"

// Scenes are runs of a few agents with an operation each, which begin one after the other. The
// scheduler says who is slow. Each of them was lost at least once by some form of the protocol.

// A scene makes the agents of one.
type scene struct {
	run *condRun
	rnd *rand.Rand
}

// setScene makes the agents of a scene.
func (r *condRun) setScene(rnd *rand.Rand) {
	r.deaths, r.habits = false, condHabits{pause: 1}
	r.world.SetFreeze(.06)
	s := &scene{r, rnd}
	switch rnd.IntN(4) {
	case 0:
		s.overtaken(condSignal, true)
	case 1:
		s.overtaken(condSignal, false)
	case 2:
		s.overtaken(condBroadcast, false)
	default:
		s.twice()
	}
}

// add has a process do one operation, not before ready.
func (s *scene) add(name string, seat int, kind condKind, ready func() bool) *condGoroutine {
	g := s.run.add(s.run.procs[seat], name, ready, s.rnd, 1)
	g.only = &kind
	return g
}

func always() bool { return true }

func (g *condGoroutine) begun() bool { return g.op != nil }
func (g *condGoroutine) waits() bool { return g.op != nil && g.op.entered > 0 }
func (g *condGoroutine) casts() bool { return g.op != nil && g.op.noted > 0 }
func (g *condGoroutine) woken() bool { return g.op != nil && g.op.granted > 0 }
func (g *condGoroutine) ended() bool { return g.op != nil && g.op.ended > 0 }

// overtaken has a Signal or a Broadcast that is slow come too late for all but those who have begun
// to wait behind it: another Signal has woken one, and a Broadcast that goes on, if there is one,
// another.
func (s *scene) overtaken(kind condKind, casting bool) {
	s.run.procs[0].cond.inside.SetTurn(1)
	casts, ended := always, always
	if casting {
		early := s.add("early", 2, condWait, nil)
		caster := s.add("caster", 3, condBroadcast, early.waits)
		casts, ended = caster.casts, caster.ended
	}
	behind := s.add("behind", 1, condWait, casts)
	slow := s.add("slow", 4, kind, behind.waits)
	last := s.add("last", 0, condWait, slow.begun)
	s.add("other", 3, condSignal, func() bool { return last.waits() && ended() })
}

// twice has two goroutines of a process broadcast, and then a Signal that may come to somebody whom
// the second Broadcast wakes anyway, and not to who has begun to wait behind it.
func (s *scene) twice() {
	s.run.procs[0].cond.inside.SetTurn(2)
	early := s.add("early", 2, condWait, nil)
	first := s.add("first", 3, condBroadcast, early.waits)
	between := s.add("between", 2, condWait, early.woken)
	second := s.add("second", 3, condBroadcast, between.waits)
	last := s.add("last", 1, condWait, second.begun)
	s.add("other", 4, condSignal, func() bool { return last.waits() && first.ended() })
}
