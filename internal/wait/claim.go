package wait

import (
	"time"

	"github.com/isthmus-go/isthmus/internal/layout"
)

// order is what the priority word of a Queue says.
type order uint64

const (
	beatBits   = 21
	beatMask   = 1<<beatBits - 1
	sinceShift = beatBits
	slotBits   = 11
	slotMask   = 1<<slotBits - 1
	nextShift  = sinceShift + beatBits
	firstShift = nextShift + slotBits
)

// Every slot plus 1 fits, and the word is full.
const (
	_ uint = slotMask - layout.MaxProcs
	_ uint = 64 - slotBits - firstShift
	_ uint = slotBits + firstShift - 64
)

func makeOrder(first, next int, since, beat uint64) order {
	return order(uint64(first)<<firstShift | uint64(next)<<nextShift | since&beatMask<<sinceShift | beat&beatMask)
}

func (o order) first() int    { return int(o >> firstShift) }
func (o order) next() int     { return int(o >> nextShift & slotMask) }
func (o order) since() uint64 { return uint64(o >> sinceShift & beatMask) }
func (o order) beat() uint64  { return uint64(o & beatMask) }

// before reports whether a beat was before another, if not half of all beats lie
// between them.
func before(a, b uint64) bool { return (b-a-1)&beatMask < beatMask/2 }

// claim is a waiter's way to be first, and to stay so. The waiter has the turn.
type claim struct {
	queue   *Queue
	start   time.Time // when the waiter came
	came    uint64    // and the beat then
	renewed time.Time // when it last showed that it is there
	named   bool      // it was first or next when it last looked
}

// attempts bounds what a waiter does about its place, in memory that may be hostile.
const attempts = 1 << 10

func (c *claim) me() int { return c.queue.owner.Slot() + 1 }

// on returns the Event to sleep on.
func (c *claim) on() *Event {
	if c.named {
		return &c.queue.ahead
	}
	return &c.queue.behind
}

// first reports whether the waiter is served before all others. Once it is hungry,
// it becomes so, or the next; and shows from time to time that it is still there.
func (c *claim) first() bool {
	q, me := c.queue, c.me()
	now := time.Now()
	hungry := now.Sub(c.start) >= hunger
	for range attempts {
		w := q.load()
		f, n, since := w.first(), w.next(), w.since()
		c.named = f == me || n == me
		switch {
		case f == me:
			if now.Sub(c.renewed) > hunger && q.swap(w, f, n, since) {
				c.renewed = now
			}
			return true
		case !hungry, n == me:
			return false
		case f == 0:
			if q.swap(w, me, 0, 0) {
				c.named, c.renewed = true, now
				q.owner.Barrier() // Invariant 3
				return true
			}
		case n != 0 && !before(c.came, since):
			return false
		default:
			if q.swap(w, f, me, c.came) {
				c.named = true
				if n != 0 {
					q.ahead.Notify(Everybody) // n is not named any more
				}
				return false
			}
		}
	}
	return false
}

// end gives the claim up. The waiter was served, or was cancelled.
func (c *claim) end(served bool) {
	q, me := c.queue, c.me()
	for range attempts {
		w := q.load()
		switch me {
		case w.first():
			q.handOver(w, served)
		case w.next():
			q.swap(w, w.first(), 0, 0)
		default:
			return
		}
	}
}
