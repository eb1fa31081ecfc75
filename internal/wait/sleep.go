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

// slice bounds one sleep, and so the time after which the dead are found.
var slice atomic.Int64

func init() { SetSlice(20 * time.Millisecond) }

// Slice returns the bound of a sleep.
func Slice() time.Duration { return time.Duration(slice.Load()) }

// SetSlice sets the bound of a sleep for the whole process. Tests of wake-ups
// raise it, so that a lost one cannot hide behind it.
func SetSlice(d time.Duration) { slice.Store(int64(d)) }

// poll bounds one sleep where the sleeper cannot reach the wakers' processors.
const poll = time.Millisecond

// sleep waits for who has the turn, or needs none, as Await does. It sleeps on the Events
// that on names, which may be others after each try.
func sleep(ctx context.Context, on func() []*Event, try func() bool, stalled func()) error {
	return new(nap).sleep(ctx, on, try, stalled)
}

// A nap is a goroutine's sleep, from the first word that it has armed until it goes on.
//
// Invariant: a waker that has counted it as woken changed that word before. So what the
// wake was for is found by a try after the kernel has let go of the word, or the wake is
// passed on.
type nap struct {
	events []*Event
	words  []futex.Word // of the events, as they were armed last
	bed    *bed         // in a hub, while it has one
	used   *Event       // of several, the one that it goes on by
	fences []Fence      // of several, those of all, also of what has no Event
}

func (n *nap) sleep(ctx context.Context, on func() []*Event, try func() bool, stalled func()) error {
	if try() {
		return nil
	}
	defer n.end()
	var look time.Time // when to look for the dead
	for {
		n.events = append(n.events[:0], on()...)
		bound, reach := Slice(), n.arm()
		if !reach {
			bound = poll
		}
		if try() {
			return nil
		}
		if !time.Now().Before(look) {
			if stalled(); try() {
				return nil
			}
			look = time.Now().Add(bound)
		}
		if !slices.Equal(on(), n.events) {
			if err := ctx.Err(); err != nil {
				return err
			}
			continue
		}
		asleep, until := time.Now(), look
		if limit := asleep.Add(bound); limit.Before(until) {
			until = limit
		}
		err := n.doze(ctx, until, !reach)
		late := errors.Is(err, os.ErrDeadlineExceeded)
		if try() {
			if late && reach && time.Since(asleep) >= bound/2 {
				overslept.Add(1)
			}
			return nil
		}
		switch {
		case late:
			look = time.Time{}
		case err == nil:
		case ctx.Err() != nil:
			return ctx.Err()
		default: // the kernel will not let us sleep
			time.Sleep(poll)
		}
	}
}

// arm says in the words that somebody is going to sleep, and runs the fence after that.
// It reports false if the fence was none. Nothing has to be done for a hub's words that
// nobody has changed.
func (n *nap) arm() (ok bool) {
	var words []futex.Word
	if n.bed == nil {
		words = n.words[:0]
	}
	for _, e := range n.events {
		words = append(words, futex.Word{Addr: e.word, Old: e.arm()})
	}
	if n.bed != nil && slices.Equal(words, n.words) {
		return true
	}
	n.leave()
	n.words = words
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
func (n *nap) doze(ctx context.Context, until time.Time, brief bool) error {
	if n.bed == nil {
		switch {
		case len(n.words) > hubWords:
			return pause(ctx, poll)
		case len(n.words) == 0:
			return pause(ctx, time.Until(until))
		case takeThread():
			return n.onThread(ctx, until)
		case brief:
			return pause(ctx, time.Until(until))
		}
		n.bed = enter(n.words, n.events, n.fences)
	}
	select {
	case <-n.bed.out:
		n.bed = nil
		return nil
	case <-n.bed.look:
		return os.ErrDeadlineExceeded
	case <-ctx.Done():
		n.leave()
		return ctx.Err()
	}
}

// onThread sleeps on the thread that it has taken.
func (n *nap) onThread(ctx context.Context, until time.Time) (err error) {
	defer giveThread()
	if len(n.words) == 1 {
		return futex.WaitUntil(ctx, n.words[0].Addr, n.words[0].Old, until)
	}
	_, err = futex.WaitAnyUntil(ctx, n.words, until)
	return err
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

// end passes on what it may have been woken for and has not used: while it goes on, the
// kernel may still hold its words in a hub, and of several words it uses one.
func (n *nap) end() {
	inHub := n.bed != nil
	n.leave()
	for _, w := range n.words {
		if (inHub || n.used != nil && n.used.word != w.Addr) && atomic.LoadUint32(w.Addr) != w.Old {
			notify(w.Addr, 1)
		}
	}
}

// overslept counts the sleeps that ran into their bound, and into most of it,
// although the condition already held. Without deaths it stays 0.
var overslept atomic.Int64

// Overslept returns how many sleeps of this process ended by their bound
// although the condition already held.
func Overslept() int64 { return overslept.Load() }
