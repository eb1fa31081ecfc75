package shm_test

import (
	"context"
	"runtime"
	"testing"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/internal/proctest/shared"
	"github.com/isthmus-go/isthmus/shm"
)

// letGo is how one goroutine lets another go: begin comes before both.
type letGo struct{ begin, let, wait func() }

var letGoes = map[string]func(t *testing.T, s *shm.Segment) letGo{
	"Unlock": func(t *testing.T, s *shm.Segment) letGo {
		l := newLock(t, s, "o")
		return letGo{l.Lock, l.Unlock, func() { pass(l) }}
	},
	"RecursiveLock.Unlock": func(t *testing.T, s *shm.Segment) letGo {
		l := newRecursiveLock(t, s, "o")
		return letGo{func() { l.Lock(1) }, func() { l.Unlock(1) }, func() { l.Lock(2); l.Unlock(2) }}
	},
	"RWLock.Unlock": func(t *testing.T, s *shm.Segment) letGo {
		l := newRWLock(t, s, "o")
		return letGo{l.Lock, l.Unlock, func() { pass(l.RLocker()) }}
	},
	"RUnlock": func(t *testing.T, s *shm.Segment) letGo {
		l := newRWLock(t, s, "o")
		return letGo{l.RLock, l.RUnlock, func() { pass(l) }}
	},
	"Signal": func(t *testing.T, s *shm.Segment) letGo {
		c := newCond(t, s)
		return letGo{c.L.Lock, func() { pass(c.L); c.Signal() }, func() { c.Wait(); c.L.Unlock() }}
	},
	"Broadcast": func(t *testing.T, s *shm.Segment) letGo {
		c := newCond(t, s)
		return letGo{c.L.Lock, func() { pass(c.L); c.Broadcast() }, func() { c.Wait(); c.L.Unlock() }}
	},
	"Set": func(t *testing.T, s *shm.Segment) letGo {
		e := newEvent(t, s, "o")
		return letGo{e.Clear, e.Set, func() { proctest.Check(t, e.Wait(context.Background())) }}
	},
	"Done": func(t *testing.T, s *shm.Segment) letGo {
		g := newWaitGroup(t, s, "o")
		return letGo{func() { g.Add(1) }, g.Done, g.Wait}
	},
	"Abort": func(t *testing.T, s *shm.Segment) letGo {
		b := newBarrier(t, s, 2)
		return letGo{b.Reset, b.Abort, func() { b.Wait(context.Background()) }}
	},
	"Store": func(t *testing.T, s *shm.Segment) letGo {
		v := shared.Value[int](t, s, "o")
		x := v.Load()
		_, version := v.LoadVersion()
		return letGo{func() {}, func() { v.Store(x + 1) }, func() {
			_, _, err := v.Wait(context.Background(), version)
			proctest.Check(t, err)
		}}
	},
	"Reset, waiting": func(t *testing.T, s *shm.Segment) letGo {
		b := newBarrier(t, s, 2)
		return letGo{b.Reset, func() {
			for b.Waiting() == 0 {
				runtime.Gosched()
			}
			b.Reset()
		}, func() { b.Wait(context.Background()) }}
	},
	"Reset": func(t *testing.T, s *shm.Segment) letGo {
		b := newBarrier(t, s, 2)
		return letGo{b.Abort, b.Reset, func() {
			for b.Broken() {
				runtime.Gosched()
			}
		}}
	},
}

// TestCloseAfter closes a Segment as soon as another goroutine has let this one go: that
// goroutine does not notice.
func TestCloseAfter(t *testing.T) {
	for name, of := range letGoes {
		t.Run(name, func(t *testing.T) {
			shared.Named(t)
			for range proctest.Scaled(500) {
				seg := shared.Open(t) // no Cleanup has it: it can be unmapped too early
				o := of(t, seg)
				o.begin()
				panicked := proctest.Go(func() any { return proctest.PanicOf(o.let) })
				o.wait()
				proctest.Check(t, seg.Close())
				if p := proctest.Result(t, panicked); p != nil {
					t.Fatal(p)
				}
			}
		})
	}
}
