package history

import (
	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/shm"
)

var waitGroupSubject = &subject{players: 3, open: openWaitGroup, finish: finishWaitGroup, model: waitGroupModel}

func openWaitGroup(p *player) (turn, leave func()) {
	g := proctest.Must(shm.NewWaitGroup(p.seg, p.name))(p.t)
	mine := 0
	done := func() {
		p.do(input{kind: count, a: 0}, func() output { g.Done(); return did() })
		mine--
	}
	turn = func() {
		switch way := p.rnd.IntN(3); {
		case way == 0:
			ctx, cancel := p.aMoment()
			defer cancel()
			p.do(input{kind: await}, func() output { return p.waited(g.WaitContext(ctx)) })
		case mine > 0 && (way == 1 || mine == 3):
			done()
		default:
			p.do(input{kind: count, a: 1}, func() output { g.Add(1); return did() })
			mine++
		}
	}
	return turn, func() {
		for mine > 0 {
			done()
		}
	}
}

// finishWaitGroup waits for the counts of the dead to come back.
func finishWaitGroup(p *player) {
	g := proctest.Must(shm.NewWaitGroup(p.seg, p.name))(p.t)
	p.do(input{kind: await}, func() output { g.Wait(); return did() })
}

// waitGroupState has how many counts each living player has. Who dies gives them back, if not
// at once, then by the time that a wait ends.
type waitGroupState [maxPlayers]int

var waitGroupModel = model{
	initial: waitGroupState{},
	step: func(state any, e event) (any, bool) {
		s := state.(waitGroupState)
		switch {
		case e.kind == death:
			s[e.who] = 0
			return s, true
		case e.kind == await:
			return s, e.ok == 0 || s == waitGroupState{}
		case e.a == 1:
			s[e.who]++
		default:
			s[e.who]--
		}
		return s, s[e.who] >= 0
	},
	guesses: justDone,
}
