package shm_test

import (
	"context"
	"runtime"
	"testing"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/internal/proctest/shared"
	"github.com/isthmus-go/isthmus/shm"
)

// TestBarrierAbort breaks the barrier under those who wait: they, and who comes later, are
// told, until it is reset. (CPython's test_abort, test_abort_and_reset.)
func TestBarrierAbort(t *testing.T) {
	s := shared.Named(t)
	b := newBarrier(t, s.Segment, parties)
	p, q := startParty(t, s, "break"), startParty(t, s, "break")
	for range 3 {
		p.Send("Wait")
		untilWaiting(t, b, 1)
		call(q.Proc, "Abort", "done")
		p.Expect("broken")
		if !b.Broken() || b.Waiting() != 0 {
			t.Error("not broken after Abort")
		}
		call(p.Proc, "Wait", "broken")
		wantEnd(t, barrierWaits(b), "broken")
		b.Abort()
		call(q.Proc, "Reset", "done")
		if b.Broken() {
			t.Error("broken after Reset")
		}
		meet(t, b, p, q)
	}
}

// TestBarrierReset resets the barrier under those who wait: they are told, and who comes
// later meets. (CPython's test_reset.)
func TestBarrierReset(t *testing.T) {
	s := shared.Named(t)
	b := newBarrier(t, s.Segment, parties)
	p, q := startParty(t, s, "break"), startParty(t, s, "break")
	b.Reset() // nobody waits
	for range 3 {
		p.Send("Wait")
		w := barrierWaits(b)
		untilWaiting(t, b, 2)
		call(q.Proc, "Reset", "done")
		p.Expect("broken")
		wantEnd(t, w, "broken")
		meet(t, b, p, q)
	}
}

// TestBarrierAbortStays calls Abort while phases end: the barrier is broken when it returns.
func TestBarrierAbortStays(t *testing.T) {
	s := shared.Named(t)
	b := newBarrier(t, s.Segment, 1)
	rounds := proctest.Scaled(1000)
	if runtime.GOMAXPROCS(0) == 1 {
		rounds = 20 // each takes some slices of the scheduler's
	}
	for range rounds {
		w := proctest.Go(func() (err error) {
			for err == nil {
				_, err = b.Wait(context.Background())
			}
			return err
		})
		for from := b.Phase(); b.Phase() < from+5; {
		}
		b.Abort()
		if !b.Broken() {
			t.Fatal("not broken after Abort")
		}
		proctest.WantError(t, "Wait", proctest.Result(t, w), shm.ErrBroken)
		b.Reset()
	}
}
