package semaphore

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/isthmus-go/isthmus/internal/liveness"
	"github.com/isthmus-go/isthmus/internal/wait"
)

// A waiter for many permits must not starve behind a stream of small ones. One
// that has waited for longer than hunger makes its process urgent: the urgent
// word names it, and while it does no other process acquires. All goroutines of
// the process may: the one that sleeps on the Event need not be the hungry one.
//
// urgent word: id<<32 | beat. The id is 0 if nobody is urgent.
//
//	(0, beat) --a hungry waiter-->              (id, beat+1)
//	(id, beat) --it, from time to time-->       (id, beat+1)
//	(id, beat) --it, when served or cancelled--> (0, beat)
//	(id, beat) --anybody, if id is dead or the beat has stood still for
//	             longer than stale-->           (0, beat)
//
// The beat goes on from one claim to the next, so that a claim is never taken
// for an older one that stood still.
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
	if owner := urgentID(u); owner == 0 || owner == c.state.id {
		c.urgent = atomic.CompareAndSwapUint64(c.state.urgent, u, c.state.id<<32|uint64(uint32(u)+1))
	} else {
		c.urgent = false
	}
	if was || !c.urgent {
		return false
	}
	// A release whose wake did not reckon with this claim must be seen now.
	c.state.core.Barrier()
	return true
}

// end gives the claim up.
func (c *claim) end() {
	if u := atomic.LoadUint64(c.state.urgent); c.urgent && urgentID(u) == c.state.id {
		c.state.dropUrgent(u)
	}
}

// dropStale ends the claim of a waiter that is dead or does not move.
func (s *state) dropStale() {
	u := atomic.LoadUint64(s.urgent)
	if urgentID(u) != 0 && (s.core.Dead(liveness.ID(urgentID(u))) || s.patience.exhausted(u)) {
		s.dropUrgent(u)
	}
}

func (s *state) dropUrgent(u uint64) {
	if atomic.CompareAndSwapUint64(s.urgent, u, uint64(uint32(u))) && s.event.Waiting() {
		s.event.Notify(wait.Everybody)
	}
}

// urgentID returns the id in an urgent word.
func urgentID(u uint64) uint64 { return u >> 32 }

// exhausted reports whether beat has been the same for longer than stale.
func (p *patience) exhausted(beat uint64) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if beat != p.beat {
		p.beat, p.since = beat, time.Now()
	}
	return time.Since(p.since) > stale
}
