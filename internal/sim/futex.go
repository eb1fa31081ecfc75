package sim

import (
	"context"
	"os"
	"slices"
	"sync/atomic"
	"time"

	"github.com/isthmus-go/isthmus/futex"
)

// WaitUntil is the futex's, but that the deadline comes when nobody else can go on, and then
// only after a death.
func WaitUntil(ctx context.Context, addr *uint32, old uint32, deadline time.Time) error {
	if world == nil {
		return futex.WaitUntil(ctx, addr, old, deadline)
	}
	step()
	if err := ctx.Err(); err != nil || atomic.LoadUint32(addr) != old {
		return err
	}
	trace("sleep on", place(addr), old)
	return world.now.sleep(ctx, place(addr))
}

// WaitAny and WaitAnyUntil are for hubs, which nobody needs in a run: see NativeAny.
func WaitAny(ctx context.Context, words []futex.Word) (int, error) {
	return futex.WaitAny(ctx, words)
}

func WaitAnyUntil(ctx context.Context, words []futex.Word, deadline time.Time) (int, error) {
	return futex.WaitAnyUntil(ctx, words, deadline)
}

// Native and NativeAny have each agent sleep on a thread of its own.
func Native() bool    { return true }
func NativeAny() bool { return false }

// Wake is the futex's. Those who came first wake first.
func Wake(addr *uint32, n int) (woken int) {
	if world == nil {
		return futex.Wake(addr, n)
	}
	if !step() {
		return 0
	}
	woken = world.wake(place(addr), n)
	trace("wake", place(addr), uint32(woken))
	step()
	return woken
}

func (a *Agent) sleep(ctx context.Context, at uintptr) error {
	w := a.world
	w.Sleeps++
	a.asleep, a.bound, a.expired = true, ctx, false
	w.sleepers[at] = append(w.sleepers[at], a)
	a.pass()
	switch {
	case a.asleep:
		a.asleep = false
		w.forget(a)
		return ctx.Err()
	case a.expired:
		return os.ErrDeadlineExceeded
	}
	return nil
}

func (w *World) wake(at uintptr, n int) int {
	n = min(n, len(w.sleepers[at]))
	for _, a := range w.sleepers[at][:n] {
		a.asleep = false
	}
	w.sleepers[at] = w.sleepers[at][n:]
	w.Wakes += n
	return n
}

// rouse ends the sleeps of agents by their bound.
func (w *World) rouse(agents ...*Agent) {
	for _, a := range agents {
		if a.asleep {
			a.asleep, a.expired = false, true
			w.forget(a)
		}
	}
}

// forget takes an agent from those who sleep.
func (w *World) forget(a *Agent) {
	for at, s := range w.sleepers {
		w.sleepers[at] = slices.DeleteFunc(s, func(b *Agent) bool { return b == a })
	}
}
