package ring

import (
	"sync/atomic"

	"github.com/isthmus-go/isthmus/internal/arch"
	"github.com/isthmus-go/isthmus/internal/layout"
	"github.com/isthmus-go/isthmus/internal/wait"
)

// side is what this process remembers of its pushes, or of its pops. Nothing
// depends on it: goroutines may overwrite each other's.
type side struct {
	last    uint64 // where this process was last, which the hint lags behind
	stopped uint64 // where it last found the ring full, or empty

	_ [arch.CacheLine - 16]byte
}

// newcomer is the last of a side that this process does not attend yet. It lies ahead of
// all positions, in a lap that no slot's word is of, so that the first push, and the first
// pop, leave the fast path and come by join. A ring comes to that lap after 2^52 laps, or
// 2^61 messages, at the earliest: after years of doing nothing else. (A process that joined
// in just that lap would claim out of turn.)
const newcomer = 1<<61 - 1

// join makes this process attend a side, before it first claims or takes anything there.
// A walk starts after that.
func (o *object) join(s *side, as layout.Side, hint *uint64) {
	if atomic.LoadUint64(&s.last) == newcomer {
		o.core.Attend(o.shared, as)
		atomic.CompareAndSwapUint64(&s.last, newcomer, atomic.LoadUint64(hint))
	}
}

// start returns where a walk starts: at a hint, or where this process was last.
func (s *side) start(hint uint64) uint64 {
	if l := atomic.LoadUint64(&s.last); int64(l-hint) > 0 {
		return l
	}
	return hint
}

// alone reports whether nobody else has been at this side since this process was.
func (s *side) alone(pos uint64) bool { return pos == atomic.LoadUint64(&s.last) }

// running reports whether pos is far from where this side last had to stop.
func (s *side) running(pos uint64) bool {
	return pos-atomic.LoadUint64(&s.stopped) > farAhead
}

const farAhead = 16

// lull pauses after a run of messages that has ended at a full or empty ring,
// for a time that grows with the run: in a stream the other side gets ahead
// again, instead of having each cache line taken from it as it writes it.
func (s *side) lull() {
	last := atomic.LoadUint64(&s.last)
	run := last - atomic.LoadUint64(&s.stopped)
	atomic.StoreUint64(&s.stopped, last)
	wait.Lull(run / 2)
}
