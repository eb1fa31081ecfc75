package storm

import (
	"fmt"
	"time"
)

// Gaps are how long nobody entered a lock although somebody waited for it, and how
// long one had to wait. A stopped process may be the owner, and then that is
// right; what is left shows the lock's own delays, and those of the machine.
type gaps struct {
	now     [locks]gap
	last    time.Time
	unowned time.Duration // longest, with nobody stopped who may be the owner
	owned   time.Duration // longest of all
	wait    wait          // longest
}

// A gap is the time since somebody entered, or nobody waited.
type gap struct {
	entered uint64
	since   time.Time
	excused time.Duration // with a stopped process that may be the owner
}

// A wait is that of one actor for one lock.
type wait struct {
	took, stopped time.Duration // in all, and while it was stopped itself
	entered       uint64        // how often others did meanwhile
}

// look is called every now and then.
func (g *gaps) look(l *ledger, living []*worker, now time.Time) {
	for lock := range g.now {
		waiting, excused := false, false
		for _, w := range living {
			for _, p := range w.pages(l) {
				what, _ := p.doing()
				if !what.locks() || what.ring() != ringID(lock) {
					continue
				}
				excused = excused || w.pausing()
				waiting = waiting || !w.pausing() && what.bare() == locking
			}
		}
		n := &g.now[lock]
		if entered := get(&l.entered[lock]); !waiting || entered != n.entered {
			*n = gap{entered: entered, since: now}
		} else if excused {
			n.excused += now.Sub(g.last)
		}
		took := now.Sub(n.since)
		g.owned, g.unowned = max(g.owned, took), max(g.unowned, took-n.excused)
	}
	g.last = now
}

// add takes the longest of both.
func (g *gaps) add(o gaps) {
	g.owned, g.unowned = max(g.owned, o.owned), max(g.unowned, o.unowned)
	if o.wait.took-o.wait.stopped > g.wait.took-g.wait.stopped {
		g.wait = o.wait
	}
}

func (g gaps) String() string {
	return fmt.Sprintf("longest gap at a lock %v, and %v without a stopped process that may own it; "+
		"longest wait for one %v, of which %v stopped, while others entered %d times",
		g.owned.Round(time.Millisecond), g.unowned.Round(time.Millisecond),
		g.wait.took.Round(time.Millisecond), g.wait.stopped.Round(time.Millisecond), g.wait.entered)
}
