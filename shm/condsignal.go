package shm

import (
	"sync/atomic"

	"github.com/isthmus-go/isthmus/internal/arch"
	"github.com/isthmus-go/isthmus/internal/wait"
)

// How signals are given. The protocol is at the head of condstate.go.

// give gives n signals to those who wait, to processes in turn.
func (s *condState) give(n uint64) {
	for {
		joins := atomic.LoadUint64(s.joins)
		from := int(atomic.LoadUint64(s.turn) % uint64(s.lines.Len()))
		n = s.giveTo(from, s.lines.Len(), n)
		n = s.giveTo(0, from, n)
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

// broadcast gives a signal to everybody who waits.
func (s *condState) broadcast() {
	if s.waiters() == 0 {
		return
	}
	s.casting.Lock()
	defer s.casting.Unlock()
	n := s.waiters()
	s.mu.Lock()
	s.enter()
	s.mu.Unlock()
	cast := s.casts[s.core.Slot()]
	arch.StoreRelease64(cast, s.tag<<tagShift|1)
	s.grantAll(n)
	arch.StoreRelease64(cast, 0)
}

// waiters returns how many wait, at least, when it ends: who has begun meanwhile counts.
func (s *condState) waiters() (n uint64) {
	joins := atomic.LoadUint64(s.joins)
	for slot := s.used.Next(0); slot < s.lines.Len(); slot = s.used.Next(slot + 1) {
		n += waitingIn(atomic.LoadUint64(s.lines.Count(slot)))
	}
	return n + atomic.LoadUint64(s.joins) - joins
}

// grantAll gives a signal to everybody who waits, and n in all as long as anybody does.
func (s *condState) grantAll(n uint64) {
	for slot := s.used.Next(0); slot < s.lines.Len(); slot = s.used.Next(slot + 1) {
		n -= min(n, s.grant(slot, tallyMask))
	}
	s.give(n)
}
