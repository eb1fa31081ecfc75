package semaphore

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/isthmus-go/isthmus/internal/liveness"
)

// A waiter for many permits must not starve behind a stream of small ones. One
// that has waited for longer than hunger becomes urgent: the urgent word names
// it, and while it does nobody else acquires.
//
// urgent word: id<<32 | beat. 0 if nobody is urgent.
//
//	0 --a hungry waiter--> (id, 1) --it, after each sleep--> (id, beat+1)
//	(id, beat) --it, when served or cancelled--> 0
//	(id, beat) --anybody, if id is dead or the beat has stood still for
//	             longer than stale--> 0
//
// The word is about order only. However it stands, no permit is lost, and a
// paused or dead waiter keeps the others out for stale at most. Every
// transition is one compare-and-swap.
const (
	hunger = 5 * time.Millisecond
	stale  = 50 * time.Millisecond
)

// patience is how long this process has been watching the same beat.
type patience struct {
	mu    sync.Mutex
	beat  uint64
	since time.Time
}

// claim is a waiter's way to become urgent, and to stay so.
type claim struct {
	state   *state
	start   time.Time
	renewed time.Time
	urgent  bool
}

// renew makes the waiter urgent once it is hungry, and shows from time to time
// that it is still there. It reports whether the waiter has just become urgent.
func (c *claim) renew() bool {
	now := time.Now()
	if now.Sub(c.start) < hunger || now.Sub(c.renewed) < hunger {
		return false
	}
	c.renewed = now
	was := c.urgent
	u := atomic.LoadUint64(c.state.urgent)
	if owner := u >> 32; owner == 0 || owner == c.state.id {
		c.urgent = atomic.CompareAndSwapUint64(c.state.urgent, u, c.state.id<<32|uint64(uint32(u)+1))
	} else {
		c.urgent = false
	}
	return c.urgent && !was
}

// end gives the claim up.
func (c *claim) end() {
	if u := atomic.LoadUint64(c.state.urgent); c.urgent && u>>32 == c.state.id {
		c.state.dropUrgent(u)
	}
}

// dropStale ends the claim of a waiter that is dead or does not move.
func (s *state) dropStale() {
	u := atomic.LoadUint64(s.urgent)
	if u != 0 && u>>32 != s.id && (s.core.Dead(liveness.ID(u>>32)) || s.patience.exhausted(u)) {
		s.dropUrgent(u)
	}
}

func (s *state) dropUrgent(u uint64) {
	if atomic.CompareAndSwapUint64(s.urgent, u, 0) && s.event.Waiting() {
		s.event.Notify(everybody)
	}
}

// exhausted reports whether beat has been the same for longer than stale.
func (p *patience) exhausted(beat uint64) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if beat != p.beat {
		p.beat, p.since = beat, time.Now()
	}
	return time.Since(p.since) > stale
}
