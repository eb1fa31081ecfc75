package history

import (
	"context"
	"errors"
	"slices"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/shm"
)

var lockSubject = &subject{players: 3, open: openLock, finish: finishLock, model: lockModel, adjust: excuseFirst}

func openLock(p *player) (turn, leave func()) {
	l := proctest.Must(shm.NewLock(p.seg, p.name))(p.t)
	return func() { p.lockOnce(l, p.rnd.IntN(4)) }, nothing
}

func finishLock(p *player) { p.lockOnce(proctest.Must(shm.NewLock(p.seg, p.name))(p.t), 0) }

func (p *player) lockOnce(l *shm.Lock, way int) {
	reporting := func(ctx context.Context) func() output {
		return func() output {
			err := l.LockContext(ctx)
			switch {
			case errors.Is(err, shm.ErrOwnerDied):
				return did(1)
			case errors.Is(err, context.DeadlineExceeded):
				return didNot
			}
			proctest.Check(p.t, err)
			return did(0)
		}
	}
	var o output
	switch way {
	case 0:
		o = p.do(input{kind: lockReporting}, reporting(background))
	case 1:
		ctx, cancel := p.aMoment()
		defer cancel()
		o = p.do(input{kind: lockReporting}, reporting(ctx))
	case 2:
		o = p.do(input{kind: lock}, func() output { l.Lock(); return did() })
	case 3:
		o = p.do(input{kind: tryLock}, func() output { return didIf(l.TryLock()) })
	}
	if o.ok == 0 {
		return
	}
	if p.rnd.IntN(2) == 0 {
		p.do(input{kind: markConsistent}, func() output { l.MarkConsistent(); return did() })
	}
	p.do(input{kind: unlock}, func() output { l.Unlock(); return did() })
}

// A lockState is a lock with its owner, 1 more than the player, 0 if it is free.
type lockState struct {
	owner int
	died  bool
	dead  [maxPlayers]bool
}

var lockModel = model{
	initial: lockState{},
	step: func(state any, e event) (any, bool) {
		s, me := state.(lockState), e.who+1
		switch e.kind {
		case death:
			s.dead[e.who] = true
			if s.owner == me {
				s.owner, s.died = 0, true
			}
			return s, true
		case markConsistent:
			s.died = false
			return s, s.owner == me
		case unlock:
			ok := s.owner == me
			s.owner = 0
			return s, ok
		}
		if e.ok == 0 { // a TryLock sees why, a LockContext has waited in vain
			return s, e.kind != tryLock || e.excused || s.owner != 0
		}
		ok := s.owner == 0 && !s.dead[e.who] &&
			(e.kind != lockReporting || e.pending || (e.v[0] == 1) == s.died)
		s.owner = me
		return s, ok
	},
	guesses: justDone,
}

// excuseFirst excuses each TryLock beside which another player waits: who has waited for long
// gets a free lock before all others, if it wakes before its context ends.
func excuseFirst(history []event) []event {
	for i := range history {
		e := &history[i]
		e.excused = e.kind == tryLock && slices.ContainsFunc(history, func(f event) bool {
			return f.who != e.who && (f.kind == lock || f.kind == lockReporting) && f.call < e.ret && e.call < f.ret
		})
	}
	return history
}
