package history

import (
	"context"
	"errors"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/shm"
)

var onceSubject = &subject{players: 3, open: openOnce, finish: finishOnce, model: onceModel}

var errFails = errors.New("f fails")

func openOnce(p *player) (turn, leave func()) {
	o := proctest.Must(shm.NewOnce(p.seg, p.name))(p.t)
	return func() { p.onceOnce(o, p.rnd.IntN(4)) }, nothing
}

func finishOnce(p *player) { p.onceOnce(proctest.Must(shm.NewOnce(p.seg, p.name))(p.t), 1) }

// onceOnce calls Done, or Do: that is two operations if its own f runs, from the call to the
// beginning of f, and from the end of f to the return.
func (p *player) onceOnce(o *shm.Once, way int) {
	ctx := background
	switch way {
	case 0:
		p.do(input{kind: isDone}, func() output {
			if o.Done() {
				return did(1)
			}
			return did(0)
		})
		return
	case 2:
		brief, cancel := p.aMoment()
		defer cancel()
		ctx = brief
	}
	runs, goOn, returned := make(chan bool), make(chan error), make(chan error)
	go func() {
		returned <- o.Do(ctx, func() error { runs <- true; return <-goOn })
	}()
	begun := p.do(input{kind: begin}, func() output {
		select {
		case <-runs:
			return did(1)
		case err := <-returned:
			if errors.Is(err, context.DeadlineExceeded) {
				return didNot
			}
			proctest.Check(p.t, err)
			return did(0)
		}
	})
	if begun != did(1) {
		return
	}
	var result error
	succeeds := uint64(1)
	if p.rnd.IntN(8) > 0 {
		result, succeeds = errFails, 0
	}
	p.do(input{kind: end, a: succeeds}, func() output {
		goOn <- result
		if err := <-returned; err != result {
			p.t.Fatalf("Do returned %v, not the %v of its f", err, result)
		}
		return did()
	})
}

// An onceState has the player whose f runs, by 1 more, and whether an f has succeeded.
type onceState struct {
	runs int
	done bool
	dead [maxPlayers]bool
}

var onceModel = model{
	initial: onceState{},
	step: func(state any, e event) (any, bool) {
		s, me := state.(onceState), e.who+1
		switch e.kind {
		case death:
			s.dead[e.who] = true
			if s.runs == me {
				s.runs = 0
			}
			return s, true
		case isDone:
			return s, (e.v[0] == 1) == s.done
		case end:
			ok := s.runs == me
			s.runs, s.done = 0, e.a == 1
			return s, ok
		}
		switch {
		case e.ok == 0:
			return s, true
		case e.v[0] == 0:
			return s, s.done
		}
		ok := s.runs == 0 && !s.done && !s.dead[e.who]
		s.runs = me
		return s, ok
	},
	guesses: func(state any, e event) []output {
		if e.kind == end {
			return []output{did()}
		}
		return []output{did(0), did(1)}
	},
}
