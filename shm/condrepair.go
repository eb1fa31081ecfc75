package shm

import (
	"sync/atomic"
	"time"

	"github.com/isthmus-go/isthmus/internal/arch"
	"github.com/isthmus-go/isthmus/internal/wait"
)

// What becomes of what the dead leave of a Cond. The protocol is at the head of condstate.go.

// enter makes the line of this process its own, before its first Wait or Broadcast. What an
// earlier owner of the slot has left goes to others.
func (s *condState) enter() {
	if s.entered || s.core.Closed() {
		return
	}
	slot := s.core.Slot()
	tag := tagOf(atomic.LoadUint64(s.tally))
	s.passOn(slot, tag)
	arch.StoreRelease64(s.casts[slot], 0)
	arch.StoreRelease64(s.tally, s.tag<<tagShift)
	s.lines.Inherit()
	s.used.Set(slot)
	s.entered = true
}

// look passes on what the dead have left. If somebody else does so, it leaves that to them,
// unless they take a Slice.
func (s *condState) look() {
	if !s.eachDead(s.owes, nil) {
		return
	}
	if !s.startRepair() {
		s.repair.MakeWay()
		if !s.startRepair() {
			if s.isStuck(atomic.LoadUint64(s.repairs)) {
				s.bequeath()
			}
			return
		}
	}
	s.repair.MarkConsistent()
	s.bequeath()
	s.repair.Unlock()
}

// startRepair takes the repair lock, if it is free.
func (s *condState) startRepair() bool {
	ok := s.repair.TryLock()
	if ok {
		atomic.AddUint64(s.repairs, 1)
	}
	return ok
}

// isStuck reports whether the repair that goes on has had that number for about a Slice:
// whoever does it may be stopped.
func (s *condState) isStuck(number uint64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if number != s.repairer || s.since.IsZero() {
		s.repairer, s.since = number, time.Now()
	}
	return time.Since(s.since) >= wait.Slice()*3/4
}

// bequeath passes on what all of the dead have left.
func (s *condState) bequeath() {
	if s.core.Closed() {
		return
	}
	s.eachDead(s.marked, s.retire)
	s.eachDead(s.owes, s.passOn)
}

// owes reports whether signals are left in the line of a slot, or a Broadcast.
func (s *condState) owes(slot int) bool {
	return grantedIn(atomic.LoadUint64(s.lines.Count(slot))) > 0 || atomic.LoadUint64(s.casts[slot]) != 0
}

// marked reports whether anything is left there.
func (s *condState) marked(slot int) bool {
	return waitingIn(atomic.LoadUint64(s.lines.Count(slot))) > 0 || s.owes(slot)
}

// eachDead calls f, unless it is nil, for the slots of the dead of which that is true, with
// the tag of the dead. It reports whether there are any.
func (s *condState) eachDead(of func(slot int) bool, f func(slot int, tag uint64)) (any bool) {
	for slot := s.used.Next(0); slot < s.lines.Len(); slot = s.used.Next(slot + 1) {
		if !of(slot) {
			continue
		}
		owner := s.lines.Owner(slot)
		if !s.core.DeadIn(slot, owner) {
			continue
		}
		if any = true; f == nil {
			break
		}
		f(slot, tagOf(uint64(owner)<<tagShift))
	}
	return any
}

// retire has nobody wait in the line of a slot, of a dead owner with that tag.
func (s *condState) retire(slot int, tag uint64) {
	for count := s.lines.Count(slot); ; {
		t := atomic.LoadUint64(count)
		if tagOf(t) != tag || waitingIn(t) == 0 || atomic.CompareAndSwapUint64(count, t, t-waitingIn(t)) {
			return
		}
	}
}

// passOn gives what is left in the line of a slot, of a dead owner with that tag, to others,
// and then takes it away. Nobody waits there any more.
func (s *condState) passOn(slot int, tag uint64) {
	s.retire(slot, tag)
	if cast := atomic.LoadUint64(s.casts[slot]); cast != 0 && tagOf(cast) == tag {
		s.grantAll()
		atomic.CompareAndSwapUint64(s.casts[slot], cast, 0)
	}
	count := s.lines.Count(slot)
	if t := atomic.LoadUint64(count); tagOf(t) == tag && grantedIn(t) > 0 {
		s.give(grantedIn(t))
		atomic.CompareAndSwapUint64(count, t, t-grantedIn(t)<<grantedShift)
	}
}
