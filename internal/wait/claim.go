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

// proof is what the first shows that it is there by: itself, and its beat.
func (o order) proof() order { return makeOrder(o.first(), 0, 0, o.beat()) }

// claim is a waiter's way to be first, and to stay so. The waiter has the turn.
type claim struct {
	queue   *Queue
	start   time.Time // when the waiter came
	came    uint64    // and the beat then
	renewed time.Time // when it last showed that it is there
	named   bool      // it was first or next when it last looked
	place   [1]*Event // to sleep on
}

// attempts bounds what a waiter does about its place, in memory that may be hostile.
const attempts = 16

func (c *claim) me() int { return c.queue.owner.Slot() + 1 }

// on returns the Event to sleep on.
func (c *claim) on() []*Event {
	if c.named {
		c.place[0] = &c.queue.ahead
	} else {
		c.place[0] = &c.queue.behind
	}
	return c.place[:]
}

// first reports whether the waiter is served before all others, and shows from time to
// time that it is still there.
func (c *claim) first() bool {
	q, me := c.queue, c.me()
	w := q.load()
	c.named = w.first() == me || w.next() == me
	if w.first() != me {
		return false
	}
	if now := time.Now(); now.Sub(c.renewed) > hunger && q.swap(w, makeOrder(me, w.next(), w.since(), w.beat()+1)) {
		c.renewed = now
	}
	return true
}

// apply makes the waiter first, or next, once it is hungry, and reports whether it is
// first.
func (c *claim) apply() bool {
	q, me := c.queue, c.me()
	now := time.Now()
	if now.Sub(c.start) < hunger {
		return false
	}
	for range attempts {
		w := q.load()
		f, n := w.first(), w.next()
		c.named = f == me || n == me
		c.came = youngest(w, c.came)
		switch {
		case f == me:
			return true
		case n == me:
			if since := youngest(w, w.since()); since != w.since() {
				q.swap(w, makeOrder(f, me, since, w.beat()))
			}
			return false
		case f == 0:
			if q.swap(w, makeOrder(me, 0, 0, w.beat()+1)) {
				c.named, c.renewed = true, now
				q.owner.Barrier() // Invariant 3
				return true
			}
		case n != 0 && age(w, c.came) <= age(w, w.since()):
			return false
		default:
			if q.swap(w, makeOrder(f, me, c.came, w.beat())) {
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

// age returns how many beats ago a beat was.
func age(w order, beat uint64) uint64 { return (w.beat() - beat) & beatMask }

// youngest returns a beat, or one that is as old as may be told from one to come.
func youngest(w order, beat uint64) uint64 {
	if age(w, beat) > beatMask/2 {
		return (w.beat() - beatMask/2) & beatMask
	}
	return beat
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
			q.swap(w, makeOrder(w.first(), 0, 0, w.beat()))
		default:
			return
		}
	}
}
