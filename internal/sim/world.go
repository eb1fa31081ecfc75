package sim

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
)

// A World is one run: agents that take turns.
type World struct {
	Trace                 io.Writer      // of each step, unless it is nil
	Watch                 func(a *Agent) // is called when a has made one, unless it is nil
	Steps                 int
	Sleeps, Wakes, Deaths int

	rnd      *rand.Rand
	habits   habits
	agents   []*Agent
	now      *Agent // whose turn it is
	ready    []*Agent
	frozen   []*Agent
	resting  []*Agent
	last     []*Agent
	sleepers map[uintptr][]*Agent

	acts, expiredAt int
	testing         bool // whether those who sleep could go on
	faults          []error
}

// habits are how a run differs from others.
type habits struct {
	stay   float64 // how likely who has the turn keeps it
	freeze float64 // how likely who has the turn stands still,
	frozen int     // and for how many steps at most
	die    float64 // how likely who is mortal dies
	expire float64 // how likely, after a death, a sleep ends by its bound at a step
	rest   float64 // how likely who may rests
}

const maxSteps = 3_000_000 // a run has 7,000 on average

// world is the one that runs.
var world *World

// NewWorld returns a world whose course follows from the seed, and from what its agents do.
func NewWorld(seed uint64) *World {
	rnd := rand.New(rand.NewPCG(seed, 0))
	return &World{
		rnd: rnd,
		habits: habits{
			stay:   []float64{.3, .7, .9, .97, .99}[rnd.IntN(5)],
			freeze: []float64{.002, .01, .02}[rnd.IntN(3)],
			frozen: []int{1000, 2000, 5000}[rnd.IntN(3)],
			die:    []float64{.0003, .001, .003, .01}[rnd.IntN(4)],
			expire: []float64{0, .003, .03}[rnd.IntN(3)],
			rest:   []float64{0, 0, .1, .3}[rnd.IntN(4)],
		},
		sleepers: map[uintptr][]*Agent{},
	}
}

// SetDie says how likely who is mortal dies at a step.
func (w *World) SetDie(p float64) { w.habits.die = p }

// SetFreeze says how likely who has the turn stands still.
func (w *World) SetFreeze(p float64) { w.habits.freeze = p }

// Run lets the agents run until all are over. It returns what went wrong.
func (w *World) Run() error {
	world = w
	for len(w.faults) == 0 && w.choose() {
		if w.now.doomed {
			w.kill(w.now)
		} else {
			w.now.next()
		}
	}
	err := errors.Join(w.faults...)
	if err != nil {
		err = fmt.Errorf("at step %d: %w%s", w.Steps, err, w.scene())
	}
	for _, a := range w.agents {
		w.now = a
		a.stop()
	}
	world = nil
	return err
}

// goesOn makes a step of who has the turn, and reports whether it keeps it.
func (w *World) goesOn(a *Agent) bool {
	w.Steps++
	if w.Steps == maxSteps {
		w.faults = append(w.faults, errors.New("no end in sight"))
	}
	switch x := w.rnd.Float64(); {
	case a.asleep || a.resting || len(w.faults) > 0:
		return false
	case x < w.habits.freeze:
		a.frozen = w.Steps + w.rnd.IntN(w.habits.frozen)
		return false
	case a.died != nil && x < w.habits.freeze+w.habits.die:
		a.doomed = true
		return false
	default:
		return x > 1-w.habits.stay
	}
}

// choose says whose turn it is, and reports false if it is nobody's.
func (w *World) choose() bool {
	if w.Deaths > 0 && w.rnd.Float64() < w.habits.expire {
		w.rouse(w.agents[w.rnd.IntN(len(w.agents))])
	}
	w.ready, w.frozen, w.resting, w.last = w.ready[:0], w.frozen[:0], w.resting[:0], w.last[:0]
	over := true
	for _, a := range w.agents {
		switch {
		case !w.awake(a):
		case a.last:
			w.last = append(w.last, a)
		case a.resting:
			w.resting = append(w.resting, a)
		case a.frozen > w.Steps:
			w.frozen = append(w.frozen, a)
		default:
			w.ready = append(w.ready, a)
		}
		over = over && a.ended
	}
	switch {
	case len(w.ready) > 0:
		w.now = w.ready[w.rnd.IntN(len(w.ready))]
	case len(w.frozen) > 0:
		w.now = w.frozen[w.rnd.IntN(len(w.frozen))]
		w.now.frozen = 0
	case len(w.resting) > 0 && w.test():
		return w.choose()
	case len(w.resting) > 0:
		w.now = w.resting[w.rnd.IntN(len(w.resting))]
		w.now.resting = false
	case over:
		return false
	case len(w.last) > 0 && w.test(), w.expire():
		return w.choose()
	case len(w.last) > 0:
		w.now = w.last[w.rnd.IntN(len(w.last))]
		w.now.last = false
	default:
		w.faults = append(w.faults, errors.New("deadlock"))
		return false
	}
	return true
}

// awake reports whether the agent could go on.
func (w *World) awake(a *Agent) bool {
	return !a.ended && (a.doomed || (!a.asleep || a.bound.Err() != nil) && (a.ready == nil || a.ready()))
}

// kill ends an agent where it is, and the others of its process.
func (w *World) kill(victim *Agent) {
	for _, a := range slices.Concat(victim.others, []*Agent{victim}) {
		if a.ended {
			continue
		}
		w.now = a
		a.stop()
		a.ended = true // if it had not begun
		w.forget(a)
		a.doing += ", dead"
	}
	w.Deaths++
	w.acts++
	w.testing = false
	victim.died()
}

func (w *World) blame(a *Agent, err error) {
	w.faults = append(w.faults, fmt.Errorf("%s: %s: %w", a.name, a.doing, err))
}

// scene says what the agents do.
func (w *World) scene() string {
	var b strings.Builder
	for _, a := range w.agents {
		fmt.Fprintf(&b, "\n\t%v", a)
	}
	return b.String()
}
