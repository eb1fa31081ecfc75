package history

import (
	"context"
	"errors"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/semaphore"
)

const permits = 3

var semaphoreSubject = &subject{players: 3, open: openSemaphore, finish: finishSemaphore, model: semaphoreModel}

func newSemaphore(p *player) *semaphore.Semaphore {
	return proctest.Must(semaphore.New(p.seg, p.name, permits, nil))(p.t)
}

func openSemaphore(p *player) (turn, leave func()) {
	sem := newSemaphore(p)
	held := uint64(0)
	take := func(n uint64, f func() output) {
		if p.do(input{kind: acquire, a: n}, f).ok == 1 {
			held += n
		}
	}
	turn = func() {
		n := 1 + p.rnd.Uint64N(permits)
		way := p.rnd.IntN(5)
		switch {
		case way == 0:
			p.do(input{kind: free}, func() output { return did(uint64(sem.Value())) })
		case way == 1:
			take(n, func() output { return didIf(sem.TryAcquire(int64(n))) })
		case held > 0: // who holds some must not wait for more
			n = 1 + p.rnd.Uint64N(held)
			p.giveBack(sem, n)
			held -= n
		case way == 2:
			ctx, cancel := p.aMoment()
			defer cancel()
			take(n, func() output {
				err := sem.Acquire(ctx, int64(n))
				if errors.Is(err, context.DeadlineExceeded) {
					return didNot
				}
				proctest.Check(p.t, err)
				return did()
			})
		default:
			take(n, func() output { proctest.Check(p.t, sem.Acquire(background, int64(n))); return did() })
		}
	}
	return turn, func() {
		if held > 0 {
			p.giveBack(sem, held)
		}
	}
}

func (p *player) giveBack(sem *semaphore.Semaphore, n uint64) {
	p.do(input{kind: release, a: n}, func() output { sem.Release(int64(n)); return did() })
}

// finishSemaphore gets all permits there are.
func finishSemaphore(p *player) {
	sem := newSemaphore(p)
	p.do(input{kind: acquire, a: permits}, func() output {
		proctest.Check(p.t, sem.Acquire(background, permits))
		return did()
	})
	p.do(input{kind: free}, func() output { return did(uint64(sem.Value())) })
	p.giveBack(sem, permits)
	p.do(input{kind: free}, func() output { return did(uint64(sem.Value())) })
}

type semaphoreState struct {
	held [maxPlayers]uint64
	dead [maxPlayers]bool
}

func (s semaphoreState) free() uint64 {
	n := uint64(permits)
	for _, h := range s.held {
		n -= h
	}
	return n
}

var semaphoreModel = model{
	initial: semaphoreState{},
	step: func(state any, e event) (any, bool) {
		s := state.(semaphoreState)
		switch e.kind {
		case death:
			s.held[e.who], s.dead[e.who] = 0, true
			return s, true
		case free:
			return s, e.v[0] == s.free()
		case release:
			if s.dead[e.who] || s.held[e.who] < e.a {
				return s, false
			}
			s.held[e.who] -= e.a
			return s, true
		case acquire:
			// One that fails may have found somebody inside a change, or others
			// that are served first.
			if e.ok == 0 {
				return s, true
			}
			if s.dead[e.who] || s.free() < e.a {
				return s, false
			}
			s.held[e.who] += e.a
			return s, true
		}
		return s, false
	},
	guesses: justDone,
}
