package shm

import (
	"sync/atomic"

	"github.com/isthmus-go/isthmus/internal/arch"
	"github.com/isthmus-go/isthmus/internal/wait"
)

// How signals are given. The protocol is at the head of condstate.go.

// give gives n signals to those who wait, to processes in turn, or to all of them while a
// Broadcast goes on: and, if others have got to those before it, once more.
func (s *condState) give(n uint64) {
	for {
		joins := atomic.LoadUint64(s.joins)
		if s.isCasting() {
			n -= min(n, s.grantAll())
		} else {
			from := int(atomic.LoadUint64(s.turn) % uint64(s.lines.Len()))
			n = s.giveTo(from, s.lines.Len(), n)
			n = s.giveTo(0, from, n)
		}
		if n == 0 || atomic.LoadUint64(s.joins) == joins {
			return
		}
	}
}

// giveTo gives n signals to those in the lines from one slot on, before another, and returns
// how many are left.
func (s *condState) giveTo(from, end int, n uint64) uint64 {
	for slot := s.used.Next(from); slot < end && n > 0; slot = s.used.Next(slot + 1) {
		if given := s.grant(slot, n); given > 0 {
			n -= given
			arch.StoreRelease64(s.turn, uint64(slot)+1)
		}
	}
	return n
}

// grant gives up to so many signals to those in the line of a slot, and returns how many.
func (s *condState) grant(slot int, most uint64) uint64 {
	for count := s.lines.Count(slot); ; {
		t := atomic.LoadUint64(count)
		n := min(waitingIn(t), most)
		if n == 0 {
			return 0
		}
		if atomic.CompareAndSwapUint64(count, t, t+n*(grantedOne-waitingOne)) {
			if word := s.woken[slot]; wait.Asleep(word) {
				wait.WakeAll(word) // it is one thread
			}
			return n
		}
	}
}

// isCasting reports whether anybody is in a Broadcast, or has died in one.
func (s *condState) isCasting() bool {
	for slot := s.casters.Next(0); slot < s.lines.Len(); slot = s.casters.Next(slot + 1) {
		if atomic.LoadUint64(s.casts[slot]) != 0 {
			return true
		}
	}
	return false
}

// broadcast gives a signal to everybody who waits.
func (s *condState) broadcast() {
	if !s.anybody() {
		return
	}
	s.casting.Lock()
	defer s.casting.Unlock()
	s.cast()
	s.grantAll()
	atomic.CompareAndSwapUint64(s.casts[s.core.Slot()], s.tag<<tagShift|1, 0)
}

// cast notes that this process is in a Broadcast.
func (s *condState) cast() {
	s.mu.Lock()
	s.enter()
	s.mu.Unlock()
	slot := s.core.Slot()
	s.casters.Set(slot)
	atomic.CompareAndSwapUint64(s.casts[slot], 0, s.tag<<tagShift|1)
}

// anybody reports whether anybody waits.
func (s *condState) anybody() bool {
	for {
		joins := atomic.LoadUint64(s.joins)
		for slot := s.used.Next(0); slot < s.lines.Len(); slot = s.used.Next(slot + 1) {
			if waitingIn(atomic.LoadUint64(s.lines.Count(slot))) > 0 {
				return true
			}
		}
		if atomic.LoadUint64(s.joins) == joins {
			return false
		}
	}
}

// grantAll gives a signal to everybody who waits, line by line in the order of slots, as every other
// grantAll does, and returns how many it has given.
func (s *condState) grantAll() (n uint64) {
	for slot := s.used.Next(0); slot < s.lines.Len(); slot = s.used.Next(slot + 1) {
		n += s.grant(slot, tallyMask)
	}
	return n
}
