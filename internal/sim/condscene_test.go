package sim_test

import (
	"math/rand/v2"

	"github.com/isthmus-go/isthmus/internal/sim"
)

// Scenes are runs of a few agents with an operation each, which begin one after the other. The
// scheduler says who is slow.

// A scene makes the agents of one.
type scene struct {
	run *condRun
	rnd *rand.Rand
}

// setScene makes the agents of a scene.
func (r *condRun) setScene(rnd *rand.Rand) {
	r.deaths, r.habits = false, condHabits{pause: 1}
	r.world.SetFreeze(.12)
	s := &scene{r, rnd}
	switch rnd.IntN(12) {
	case 0, 8, 9, 10, 11: // it is the rarest
		s.overtaken(condSignal, true)
	case 1:
		s.overtaken(condSignal, false)
	case 2:
		s.overtaken(condBroadcast, false)
	case 3:
		s.twice()
	case 4:
		s.redone()
	case 5:
		s.chained()
	case 6:
		s.passed()
	default:
		s.inherited()
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

// over reports whether it has done what it had to do, or is dead.
func (g *condGoroutine) over() bool { return g.left < 0 }

// overtaken has a Signal or a Broadcast that is slow come too late for all but those who have begun
// to wait behind it: another Signal has woken one, and a Broadcast that goes on, if there is one,
// another.
func (s *scene) overtaken(kind condKind, casting bool) {
	s.run.procs[0].cond.inside.SetTurn(1)
	casts, ended := always, always
	if casting {
		early := s.add("early", 2, condWait, nil)
		caster := s.add("caster", 0, condBroadcast, early.waits) // so line 0 has an owner
		if casts = caster.casts; s.rnd.IntN(8) > 0 {
			ended = caster.ended
		}
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

// redone has a process die in a Broadcast. While somebody does it again, a Signal may come to
// somebody whom that wakes anyway.
func (s *scene) redone() {
	early := s.add("early", 2, condWait, nil)
	caster := s.add("caster", 3, condBroadcast, early.waits)
	s.run.doom(caster.proc)
	s.reap(2, caster.casts, caster)
	again := s.add("again", 0, condWait, caster.over)
	last := s.add("last", 1, condWait, again.begun)
	s.add("other", 4, condSignal, func() bool { return last.waits() || last.over() })
}

// chained has two processes die in a Wait, one of them with a signal, which has to come to another.
func (s *scene) chained() {
	s.run.procs[0].cond.inside.SetTurn(2)
	one, two := s.add("one", 1, condWait, nil), s.add("two", 2, condWait, nil)
	s.run.doom(one.proc)
	s.run.doom(two.proc)
	s.add("other", 4, condSignal, func() bool { return one.waits() && two.waits() })
	s.reap(1, two.woken, one, two)
	s.add("last", 0, condWait, func() bool { return one.over() && two.over() })
}

// passed has a process die with a signal, and another maybe while it passes that on.
func (s *scene) passed() {
	s.run.procs[0].cond.inside.SetTurn(2)
	one, last := s.add("one", 2, condWait, nil), s.add("last", 0, condWait, nil)
	s.run.doom(one.proc)
	s.add("other", 4, condSignal, func() bool { return one.waits() && last.waits() })
	s.reap(0, one.woken, one)
	two := s.add("two", 1, condWait, one.over)
	s.run.doom(two.proc)
}

// inherited has a process die in two Waits, one of which has a signal, and another come into its slot.
func (s *scene) inherited() {
	s.run.procs[0].cond.inside.SetTurn(2)
	one, two := s.add("one", 2, condWait, nil), s.add("two", 2, condWait, nil)
	s.run.doom(one.proc)
	last := s.add("last", 0, condWait, nil)
	s.add("other", 4, condSignal, func() bool { return one.waits() && two.waits() && last.waits() })
	s.reap(2, func() bool { return one.woken() || two.woken() }, one)
	s.run.procs = append(s.run.procs, &condProc{seat: condHeir})
	s.add("heir", len(s.run.procs)-1, condWait, func() bool { return one.over() && two.over() })
}

// reap adds an agent that has processes die, and says whose turn it is then. Before that, nobody dies.
func (s *scene) reap(turn int, ready func() bool, of ...*condGoroutine) {
	s.run.deaths = true
	s.run.world.SetDie(0)
	s.run.world.Add("reaper", ready, func(*sim.Agent) error {
		for _, g := range of {
			g.proc.agents[0].Doom()
		}
		s.run.world.SetDie(.03) // the others
		s.run.procs[0].cond.inside.SetTurn(turn)
		return nil
	})
}
