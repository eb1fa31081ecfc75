package history

import (
	"context"
	"errors"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/shm"
)

var eventSubject = &subject{players: 3, open: openEvent, finish: finishEvent, model: eventModel}

func openEvent(p *player) (turn, leave func()) {
	e := proctest.Must(shm.NewEvent(p.seg, p.name))(p.t)
	return func() { p.eventOnce(e, p.rnd.IntN(5)) }, nothing
}

func finishEvent(p *player) { p.eventOnce(proctest.Must(shm.NewEvent(p.seg, p.name))(p.t), 2) }

func (p *player) eventOnce(e *shm.Event, way int) {
	switch way {
	case 0:
		p.do(input{kind: set}, func() output { e.Set(); return did() })
	case 1:
		p.do(input{kind: clearEvent}, func() output { e.Clear(); return did() })
	case 2:
		p.do(input{kind: isSet}, func() output {
			if e.IsSet() {
				return did(1)
			}
			return did(0)
		})
	default:
		ctx, cancel := p.aMoment()
		defer cancel()
		p.do(input{kind: await}, func() output { return p.waited(e.Wait(ctx)) })
	}
}

// waited is what came of a wait for a moment.
func (p *player) waited(err error) output {
	if errors.Is(err, context.DeadlineExceeded) {
		return didNot
	}
	proctest.Check(p.t, err)
	return did()
}

// The state of an Event is whether it is set. A wait that ends comes at a time when it was.
var eventModel = model{
	initial: false,
	step: func(state any, e event) (any, bool) {
		isSetNow := state.(bool)
		switch e.kind {
		case set:
			return true, true
		case clearEvent:
			return false, true
		case isSet:
			return state, (e.v[0] == 1) == isSetNow
		case await:
			return state, e.ok == 0 || isSetNow
		}
		return state, e.kind == death
	},
	guesses: func(state any, e event) []output {
		if e.kind == isSet {
			return []output{did(0), did(1)}
		}
		return []output{did()}
	},
}
