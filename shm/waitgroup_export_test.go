package shm

import (
	"context"
	"sync/atomic"
)

// Awaited reports whether anybody may be asleep in Wait.
func (g *WaitGroup) Awaited() bool { return g.waiters.Waiting() }

// Total returns how many counts there are, those of the dead as well.
func (g *WaitGroup) Total() uint64 { return atomic.LoadUint64(g.total) }

// SetTotal lets an empty WaitGroup have counts of nobody.
func (g *WaitGroup) SetTotal(n uint64) { atomic.StoreUint64(g.total, n) }

// Stay takes the lock of those who change counts.
func (g *WaitGroup) Stay() { _, _ = g.begin(context.Background()) }

// DoneHalf is what the Done of the last count has done before it says that there are no
// counts.
func (g *WaitGroup) DoneHalf() {
	g.Stay()
	atomic.StoreUint64(g.ledger.Mine(), 0)
	atomic.StoreUint64(g.total, 0)
}

// DoneSilently is what the Done of the last count has done before it wakes anybody.
func (g *WaitGroup) DoneSilently() {
	g.Stay()
	g.takeOff(1)
	g.lock.Unlock()
}

// DoneInside is what the Done of the last count has done before it gives the lock up, and the
// rest of it.
func (g *WaitGroup) DoneInside() (end func()) {
	empties, _ := g.begin(context.Background())
	g.takeOff(1)
	return func() { g.end(empties) }
}

// ChangeAwaited reports whether anybody of this process waits for the end of a change.
func (g *WaitGroup) ChangeAwaited() bool { return g.lock.Queue().Queued() }
