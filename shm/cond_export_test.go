package shm

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/isthmus-go/isthmus/internal/arch"
	"github.com/isthmus-go/isthmus/internal/wait"
)

// Waiting returns how many goroutines wait and have no signal, those of the dead as well.
func (c *Cond) Waiting() (n int) {
	for slot := range c.lines.Len() {
		n += int(waitingIn(atomic.LoadUint64(c.lines.Count(slot))))
	}
	return n
}

// Granted returns how many signals are not used up.
func (c *Cond) Granted() (n int) {
	for slot := range c.lines.Len() {
		n += int(grantedIn(atomic.LoadUint64(c.lines.Count(slot))))
	}
	return n
}

// Joins returns how many calls of Wait have begun.
func (c *Cond) Joins() uint64 { return atomic.LoadUint64(c.joins) }

// Casting reports whether any process is in a Broadcast, or died there.
func (c *Cond) Casting() (any bool) {
	for _, cast := range c.casts {
		any = any || atomic.LoadUint64(cast) != 0
	}
	return any
}

// Awaited reports whether anybody of this process may be asleep in Wait.
func (c *Cond) Awaited() bool { return c.event.Waiting() }

// WaitHalf is what Wait has done once it has a signal, before it locks L.
func (c *Cond) WaitHalf() {
	place := c.join()
	c.L.Unlock()
	_ = c.await(context.Background(), place)
	c.leave(place)
}

// SignalSilently is what Signal has done before it wakes anybody.
func (c *Cond) SignalSilently() {
	for slot := range c.lines.Len() {
		count := c.lines.Count(slot)
		if t := atomic.LoadUint64(count); waitingIn(t) > 0 {
			atomic.StoreUint64(count, t+grantedOne-waitingOne)
			return
		}
	}
}

// BroadcastHalf is what Broadcast has done before it grants the lines from one on.
func (c *Cond) BroadcastHalf() {
	c.mu.Lock()
	c.enter()
	c.mu.Unlock()
	served := false
	for slot := range c.lines.Len() {
		if waitingIn(atomic.LoadUint64(c.lines.Count(slot))) == 0 {
			continue
		}
		arch.StoreRelease64(c.casts[c.core.Slot()], c.tag<<tagShift|1)
		if served {
			return
		}
		c.grant(slot, tallyMask)
		served = true
	}
}

// Stay takes the lock of those who pass on what the dead have left.
func (c *Cond) Stay() { c.repair.TryLock() }

// PassOnHalf is what a repair has done before it takes away what it has passed on.
func (c *Cond) PassOnHalf() {
	c.Stay()
	c.eachDead(c.marked, c.retire)
	c.eachDead(c.owes, func(slot int, _ uint64) {
		c.give(grantedIn(atomic.LoadUint64(c.lines.Count(slot))))
	})
}

// EnterHalf is what the first Wait of a process has done before the line is its own.
func (c *Cond) EnterHalf() {
	c.passOn(c.core.Slot(), tagOf(atomic.LoadUint64(c.tally)))
	arch.StoreRelease64(c.casts[c.core.Slot()], 0)
	arch.StoreRelease64(c.tally, c.tag<<tagShift)
}

// SleepsIn reports whether somebody may be asleep in the line of the slot of another.
func (c *Cond) SleepsIn(other *Cond) bool { return wait.Asleep(c.woken[other.core.Slot()]) }

// Mu is the mutex that a Broadcast takes after its first look at the lines.
func (c *Cond) Mu() *sync.Mutex { return &c.mu }

// Slot is this process's.
func (c *Cond) Slot() int { return c.core.Slot() }
