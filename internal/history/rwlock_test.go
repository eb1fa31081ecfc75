package history

import (
	"context"
	"errors"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/shm"
)

var rwLockSubject = &subject{players: 3, open: openRWLock, finish: finishRWLock, model: rwLockModel}

func openRWLock(p *player) (turn, leave func()) {
	l := proctest.Must(shm.NewRWLock(p.seg, p.name))(p.t)
	return func() { p.rwLockOnce(l, p.rnd.IntN(8)) }, nothing
}

func finishRWLock(p *player) { p.rwLockOnce(proctest.Must(shm.NewRWLock(p.seg, p.name))(p.t), 0) }

func (p *player) rwLockOnce(l *shm.RWLock, way int) {
	reporting := func(f func(context.Context) error, ctx context.Context) func() output {
		return func() output {
			err := f(ctx)
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
	ctx := background
	if way%4 == 1 {
		brief, cancel := p.aMoment()
		defer cancel()
		ctx = brief
	}
	switch way {
	case 0, 1:
		o = p.do(input{kind: lockReporting}, reporting(l.LockContext, ctx))
	case 2:
		o = p.do(input{kind: lock}, func() output { l.Lock(); return did() })
	case 3:
		o = p.do(input{kind: tryLock}, func() output { return didIf(l.TryLock()) })
	case 4, 5:
		o = p.do(input{kind: readLockReporting}, reporting(l.RLockContext, ctx))
	case 6:
		o = p.do(input{kind: readLock}, func() output { l.RLock(); return did() })
	case 7:
		o = p.do(input{kind: readLock}, func() output { return didIf(l.TryRLock()) })
	}
	switch {
	case o.ok == 0:
	case way >= 4:
		p.do(input{kind: readUnlock}, func() output { l.RUnlock(); return did() })
	default:
		if p.rnd.IntN(2) == 0 {
			p.do(input{kind: markConsistent}, func() output { l.MarkConsistent(); return did() })
		}
		p.do(input{kind: unlock}, func() output { l.Unlock(); return did() })
	}
}

// An rwLockState is a lock with its writer, 1 more than the player, and its readers.
type rwLockState struct {
	writer  int
	readers [maxPlayers]bool
	died    bool
	dead    [maxPlayers]bool
}

// A TryLock or TryRLock may fail while nobody holds the lock: another writer may wait.
var rwLockModel = model{
	initial: rwLockState{},
	step: func(state any, e event) (any, bool) {
		s, me := state.(rwLockState), e.who+1
		switch e.kind {
		case death:
			s.dead[e.who], s.readers[e.who] = true, false
			if s.writer == me {
				s.writer, s.died = 0, true
			}
			return s, true
		case markConsistent:
			s.died = false
			return s, s.writer == me
		case unlock:
			ok := s.writer == me
			s.writer = 0
			return s, ok
		case readUnlock:
			ok := s.readers[e.who]
			s.readers[e.who] = false
			return s, ok
		}
		if e.ok == 0 {
			return s, true
		}
		reporting := e.kind == lockReporting || e.kind == readLockReporting
		ok := s.writer == 0 && !s.dead[e.who] && (!reporting || e.pending || (e.v[0] == 1) == s.died)
		if e.kind == readLock || e.kind == readLockReporting {
			s.readers[e.who] = true
			return s, ok
		}
		ok = ok && s.readers == [maxPlayers]bool{}
		s.writer = me
		return s, ok
	},
	guesses: justDone,
}
