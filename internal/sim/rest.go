package sim

import "errors"

// While nobody but those who sleep is in an operation, all wake-ups that are due have been
// made: whoever sleeps has to have nothing to do.

// Rest lets the others go on, at times until nobody can. Call it between two operations.
func (a *Agent) Rest() {
	a.resting = a.world.rnd.Float64() < a.world.habits.rest
	a.pass()
}

// Pause lets the others go on for so many steps, or until nobody can.
func (a *Agent) Pause(steps int) {
	a.frozen = a.world.Steps + steps
	a.giveWay()
}

// Last lets the others go on until nobody can, also by the bound of a sleep.
func (a *Agent) Last() {
	a.last = true
	a.giveWay()
}

// expire ends all sleeps by their bound. It reports false if nothing has died, or if nobody
// has come further since it was called last: then the next time would be the same.
func (w *World) expire() bool {
	if w.Deaths == 0 || w.acts == w.expiredAt {
		return false
	}
	w.expiredAt = w.acts
	w.rouse(w.agents...)
	return true
}

// test has those who sleep look whether they could go on. It reports whether that has just
// begun: the next time they have looked. After a death they could.
func (w *World) test() bool {
	w.testing = !w.testing && w.Deaths == 0
	if w.testing {
		w.rouse(w.agents...)
	}
	return w.testing
}

// act says that an agent comes further.
func (w *World) act(a *Agent) {
	w.acts++
	if w.testing {
		w.blame(a, errors.New("slept although it could go on"))
	}
}
