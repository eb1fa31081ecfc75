package shm

import (
	"context"
	"sync/atomic"

	"github.com/isthmus-go/isthmus/internal/arch"
	"github.com/isthmus-go/isthmus/internal/ownerlock"
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

// Line returns how many goroutines of the process of a slot wait, how many signals they have got,
// and whether it is in a Broadcast.
func (c *Cond) Line(slot int) (waiting, granted uint64, casting bool) {
	t := atomic.LoadUint64(c.lines.Count(slot))
	return waitingIn(t), grantedIn(t), atomic.LoadUint64(c.casts[slot]) != 0
}

// Holds reports whether this process has L.
func (c *Cond) Holds() bool {
	return atomic.LoadUint64(c.L.lock.Word())&^ownerlock.Died == uint64(c.core.ID())
}

// SetTurn has the next Signal begin to look at that slot.
func (c *Cond) SetTurn(slot int) { atomic.StoreUint64(c.turn, uint64(slot)) }

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

// BroadcastHalf is what Broadcast has done once it has granted the first line in which anybody
// waits. It returns its end.
func (c *Cond) BroadcastHalf() (end func()) {
	c.cast()
	line := 0
	for line < c.lines.Len() && c.grant(line, tallyMask) == 0 {
		line++
	}
	return func() {
		for line++; line < c.lines.Len(); line++ {
			c.grant(line, tallyMask)
		}
		atomic.StoreUint64(c.casts[c.core.Slot()], 0)
	}
}

// Unstay gives the lock of Stay up.
func (c *Cond) Unstay() { c.repair.Unlock() }

// Owed reports whether any of the dead have left anything.
func (c *Cond) Owed() bool { return c.eachDead(c.owes, nil) }

// Look is what a Wait does after each Slice.
func (c *Cond) Look() { c.look() }

// Stay takes the lock of those who pass on what the dead have left.
func (c *Cond) Stay() { c.startRepair() }

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

// Slot is this process's.
func (c *Cond) Slot() int { return c.core.Slot() }
