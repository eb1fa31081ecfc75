package sim

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"runtime/debug"
)

// An Agent is what a process does in a run.
type Agent struct {
	name  string
	doing string
	world *World
	ready func() bool

	next  func() (struct{}, bool) // lets it go on until its next step
	stop  func()
	yield func(struct{}) bool // lets the others go on

	asleep  bool
	bound   context.Context // of its sleep
	expired bool            // the last sleep
	frozen  int             // until that step
	resting bool
	last    bool // it goes on once nobody else can
	doomed  bool // is to die now
	ended   bool
	died    func()   // nil: it does not die
	others  []*Agent // of its process, who die with it
}

// Add adds an agent that runs body, which may begin once ready reports true, if it is not
// nil. An error of body is a fault of the run.
func (w *World) Add(name string, ready func() bool, body func(a *Agent) error) *Agent {
	a := &Agent{name: name, doing: "begin", world: w, ready: ready}
	a.next, a.stop = iter.Pull(func(yield func(struct{}) bool) {
		a.yield = yield
		defer func() {
			a.ended = true
			if p := recover(); p != nil && p != errStopped {
				w.blame(a, fmt.Errorf("panic: %v\n%s", p, debug.Stack()))
			}
		}()
		if err := body(a); err != nil {
			w.blame(a, err)
		}
		a.Begin("end")
	})
	w.agents = append(w.agents, a)
	return a
}

// Mortal lets the agent die at some step, at random, and with it the others of its process.
// The operations that they are in never return, and died is called then.
func (a *Agent) Mortal(died func(), others ...*Agent) { a.died, a.others = died, others }

// Doom has the agent, which is mortal, die where it is, also if it sleeps.
func (a *Agent) Doom() { a.doomed = true }

// Begin says what the agent does from now on.
func (a *Agent) Begin(what string) {
	a.world.act(a)
	a.doing, a.ready = what, nil
}

var errStopped = errors.New("the agent was stopped")

// pass lets the others go on, if the scheduler wants it.
func (a *Agent) pass() {
	if a.ended {
		return
	}
	if a.world.Watch != nil {
		a.world.Watch(a)
	}
	if !a.world.goesOn(a) {
		a.giveWay()
	}
}

// giveWay lets the others go on.
func (a *Agent) giveWay() {
	if !a.yield(struct{}{}) {
		a.ended = true
		panic(errStopped)
	}
}

func (a *Agent) String() string {
	state := ""
	switch {
	case a.ended:
		state = ", over"
	case a.asleep:
		state = ", asleep"
	}
	return a.name + ": " + a.doing + state
}
