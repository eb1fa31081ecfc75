package wait

import (
	"context"
	"errors"
	"os"
	"slices"
	"sync/atomic"
	"time"

	"github.com/isthmus-go/isthmus/futex"
)

// slice bounds one sleep, where more may be found after it than after a wake.
var slice atomic.Int64

func init() { SetSlice(20 * time.Millisecond) }

// Slice returns the bound of a sleep.
func Slice() time.Duration { return time.Duration(slice.Load()) }

// long bounds the sleeps of those who have been asleep for a while: between two censuses. Each
// of these may be as old as censusAge says. Both together are 40 ms, and a death is found within 50.
func long() time.Duration      { return Slice() * 3 / 2 }
func censusAge() time.Duration { return Slice() / 2 }

// SetSlice sets the bound of a sleep for the whole process. Tests of wake-ups
// raise it, so that a lost one cannot hide behind it.
func SetSlice(d time.Duration) { slice.Store(int64(d)) }

// poll bounds one sleep where the sleeper cannot reach the wakers' processors.
const poll = time.Millisecond

// sleep waits for who has the turn, or needs none, as Await does. It sleeps on the Events
// that on names, which may be others after each try. waited says that this wait is counted.
func sleep(ctx context.Context, on func() []*Event, try func() bool, stalled func(), waited bool) error {
	return (&nap{counted: waited}).sleep(ctx, on, try, stalled)
}

// A nap is a goroutine's sleep, from the first word that it has armed until it goes on.
//
// Invariant: a waker that has counted it as woken changed that word before. So what the
// wake was for is found by a try after the kernel has let go of the word, or the wake is
// passed on.
type nap struct {
	events  []*Event
	words   []futex.Word // of the events, as they were armed last
	bed     *bed         // in a hub, while it has one
	vigil   vigil        // while it has none
	look    time.Time    // when to look for the dead
	used    *Event       // of several, the one that it goes on by
	fences  []Fence      // of several, those of all, also of what has no Event
	counted bool         // in the Tallies
}

func (n *nap) sleep(ctx context.Context, on func() []*Event, try func() bool, stalled func()) error {
	if try() {
		return nil
	}
	defer n.end()
	reach := true // the fence was one
	for {
		if events := on(); !reach || !n.fits(events) {
			if n.bed != nil {
				n.leave()
				if try() { // of what it may have been woken for
					return nil
				}
			}
			n.vigil.turn = 0 // after a wake in vain, what was in the way of a repair may be gone
			reach = n.arm(events)
		}
		if try() {
			return nil
		}
		bound := Slice()
		if !reach {
			bound = poll
		}
		if !time.Now().Before(n.look) {
			if stalled(); try() {
				return nil
			}
			n.look = time.Now().Add(bound)
		}
		if !slices.Equal(on(), n.events) {
			if err := ctx.Err(); err != nil {
				return err
			}
			continue
		}
		asleep := time.Now()
		if limit := asleep.Add(bound); !reach && limit.Before(n.look) {
			n.look = limit
		}
		n.count()
		err := n.doze(ctx, !reach)
		late := errors.Is(err, os.ErrDeadlineExceeded)
		if try() {
			if late && reach && time.Since(asleep) >= long()/2 {
				overslept.Add(1)
			}
			return nil
		}
		switch {
		case late && (n.bed != nil || !reach || n.vigil.due(n)):
			n.look = time.Time{}
		case late:
			n.look = time.Now().Add(long())
		case err == nil:
		case ctx.Err() != nil:
			return ctx.Err()
		default: // the kernel will not let us sleep
			time.Sleep(poll)
		}
	}
}

// count counts this wait, once, in each Tally.
func (n *nap) count() {
	if n.counted {
		return
	}
	n.counted = true
	for i, e := range n.events {
		if !slices.ContainsFunc(n.events[:i], func(other *Event) bool { return other.tally == e.tally }) {
			e.tally.Waited()
		}
	}
}

// fits reports whether what it has armed is still right: for these Events, none of whose words
// has changed. Then the words need no arming again, and no fence.
func (n *nap) fits(events []*Event) bool {
	return slices.Equal(events, n.events) && !slices.ContainsFunc(n.words, changed)
}

// arm says in the words that somebody is going to sleep, and runs the fence after that.
// It reports false if the fence was none.
func (n *nap) arm(events []*Event) (ok bool) {
	n.events, n.words = append(n.events[:0], events...), n.words[:0]
	for _, e := range n.events {
		n.words = append(n.words, futex.Word{Addr: e.word, Old: e.arm()})
	}
	ok = true
	for i, e := range n.events {
		if i == 0 || e.fence != n.events[i-1].fence {
			ok = e.fence.Barrier() && ok
		}
	}
	return ok
}

// doze sleeps until a word differs from what was armed, or for no reason; or until it is
// time to look for the dead (os.ErrDeadlineExceeded), or ctx ends. Brief sleeps are not
// worth a hub.
func (n *nap) doze(ctx context.Context, brief bool) error {
	if n.bed == nil {
		switch {
		case len(n.words) > hubWords:
			if err := pause(ctx, poll); ctx.Err() != nil || !time.Now().Before(n.look) {
				return err
			}
			return nil
		case len(n.words) == 0:
			return pause(ctx, time.Until(n.look))
		case takeThread():
			return n.onThread(ctx)
		case brief:
			return pause(ctx, time.Until(n.look))
		}
		n.bed = enter(n)
	}
	select {
	case out := <-n.bed.told:
		if !out {
			return os.ErrDeadlineExceeded
		}
		n.bed = nil
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// onThread sleeps on the thread that it has taken.
func (n *nap) onThread(ctx context.Context) (err error) {
	defer giveThread()
	if len(n.words) == 1 {
		return futex.WaitUntil(ctx, n.words[0].Addr, n.words[0].Old, n.look)
	}
	_, err = futex.WaitAnyUntil(ctx, n.words, n.look)
	return err
}

// keen reports whether an Event is, that it sleeps on.
func (n *nap) keen() bool {
	return slices.ContainsFunc(n.events, func(e *Event) bool { return atomic.LoadUint32(&e.keen) != 0 })
}

// eachFence calls f with the Fences of all that it waits for, some of them often.
func (n *nap) eachFence(f func(Fence)) {
	for _, e := range n.events {
		f(e.fence)
	}
	for _, fence := range n.fences {
		f(fence)
	}
}

// pause is a sleep on no word.
func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return os.ErrDeadlineExceeded
	case <-ctx.Done():
		return ctx.Err()
	}
}

// leave gives the bed up, if it has one. After that, no wake counts it.
func (n *nap) leave() {
	if n.bed != nil {
		n.bed.leave()
		n.bed = nil
	}
}

// end passes on what it may have been woken for and has not used: the kernel may have held
// its words, in a hub, when it went on; and of several words it uses one at most.
func (n *nap) end() {
	inHub, several := n.bed != nil, n.fences != nil
	n.leave()
	for i, w := range n.words {
		used := !inHub && (!several || n.used != nil && n.used.word == w.Addr)
		if !used && changed(w) {
			notify(w.Addr, 1, n.events[i].tally)
		}
	}
}

// overslept counts the sleeps that ran into their bound, and into most of it,
// although the condition already held. Without deaths it stays 0.
var overslept atomic.Int64

// Overslept returns how many sleeps of this process ended by their bound
// although the condition already held.
func Overslept() int64 { return overslept.Load() }
