package sim_test

import "math/rand/v2"

// setScene has a Signal or a Broadcast that is slow come too late for all but those who have begun
// to wait behind it: another Signal has woken one, and a Broadcast that goes on, if there is any,
// another one. The scheduler says who is slow.
func (r *condRun) setScene(rnd *rand.Rand) {
	r.deaths, r.habits = false, condHabits{pause: 1}
	r.procs[0].cond.inside.SetTurn(1)
	r.world.SetFreeze(.06)
	one := func(name string, seat int, kind condKind, ready func() bool) *condGoroutine {
		g := r.add(r.procs[seat], name, ready, rnd, 1)
		g.only = &kind
		return g
	}
	waits := func(g *condGoroutine) bool { return g.op != nil && g.op.entered > 0 }
	begun, over, kind := func() bool { return true }, func() bool { return true }, condBroadcast
	if rnd.IntN(2) == 0 {
		early := one("early", 2, condWait, nil)
		cast := one("broadcaster", 3, condBroadcast, func() bool { return waits(early) })
		begun = func() bool { return cast.op != nil && cast.op.noted > 0 }
		over = func() bool { return cast.op != nil && cast.op.ended > 0 }
		kind = condSignal
	} else if rnd.IntN(2) == 0 {
		kind = condSignal
	}
	behind := one("behind", 1, condWait, begun)
	slow := one("slow", 4, kind, func() bool { return waits(behind) })
	last := one("last", 0, condWait, func() bool { return slow.op != nil })
	one("other", 3, condSignal, func() bool { return waits(last) && over() })
}
