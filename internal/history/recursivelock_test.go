package history

import (
	"context"
	"errors"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/shm"
)

var recursiveLockSubject = &subject{players: 3, open: openRecursiveLock, finish: finishRecursiveLock, model: recursiveLockModel, adjust: excuseFirst}

const token = 1 // of all players, who are different holders all the same

func openRecursiveLock(p *player) (turn, leave func()) {
	l := proctest.Must(shm.NewRecursiveLock(p.seg, p.name))(p.t)
	return func() { p.recursiveLockOnce(l, p.rnd.IntN(4), 0) }, nothing
}

func finishRecursiveLock(p *player) {
	p.recursiveLockOnce(proctest.Must(shm.NewRecursiveLock(p.seg, p.name))(p.t), 0, maxDepth)
}

const maxDepth = 2

// recursiveLockOnce locks and unlocks, and in between maybe does so again.
func (p *player) recursiveLockOnce(l *shm.RecursiveLock, way, depth int) {
	var o output
	switch way {
	case 0, 1:
		ctx := background
		if way == 1 {
			brief, cancel := p.aMoment()
			defer cancel()
			ctx = brief
		}
		o = p.do(input{kind: lockReporting}, func() output {
			err := l.LockContext(ctx, token)
			switch {
			case errors.Is(err, shm.ErrOwnerDied):
				return did(1)
			case errors.Is(err, context.DeadlineExceeded):
				return didNot
			}
			proctest.Check(p.t, err)
			return did(0)
		})
	case 2:
		o = p.do(input{kind: lock}, func() output { l.Lock(token); return did() })
	case 3:
		o = p.do(input{kind: tryLock}, func() output { return didIf(l.TryLock(token)) })
	}
	if o.ok == 0 {
		return
	}
	if depth < maxDepth && p.rnd.IntN(2) == 0 {
		p.recursiveLockOnce(l, p.rnd.IntN(4), depth+1)
	}
	if p.rnd.IntN(2) == 0 {
		p.do(input{kind: markConsistent}, func() output { l.MarkConsistent(token); return did() })
	}
	p.do(input{kind: unlock}, func() output { l.Unlock(token); return did() })
}

// A recursiveLockState is a lock that its owner has locked depth times.
type recursiveLockState struct {
	lockState
	depth int
}

var recursiveLockModel = model{
	initial: recursiveLockState{},
	step: func(state any, e event) (any, bool) {
		s, me := state.(recursiveLockState), e.who+1
		mine := s.owner == me
		switch {
		case e.kind == unlock:
			if s.depth--; s.depth == 0 {
				s.owner = 0
			}
			return s, mine
		case !mine || e.kind == death || e.kind == markConsistent: // as any lock
			next, ok := lockModel.step(s.lockState, e)
			switch s.lockState = next.(lockState); {
			case s.owner == me && !mine:
				s.depth = 1
			case s.owner != me && mine:
				s.depth = 0
			}
			return s, ok
		}
		if e.ok == 0 {
			return s, e.kind == lockReporting // its context had ended before
		}
		s.depth++
		return s, e.kind != lockReporting || e.pending || (e.v[0] == 1) == s.died
	},
	guesses: justDone,
}
