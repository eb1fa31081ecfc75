package shm_test

import (
	"testing"
	"time"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/internal/proctest/shared"
)

func atkWithin(t *testing.T, what string, w <-chan any) {
	t.Helper()
	select {
	case got := <-w:
		t.Logf("%s: %v", what, got)
	case <-time.After(500 * time.Millisecond):
		t.Errorf("%s: nothing after 500 ms", what)
	}
}

// A party that was one dies after a Reset, before it comes again.
func TestAtkbDeathAfterReset(t *testing.T) {
	for _, reset := range []bool{false, true} {
		t.Run("", func(t *testing.T) {
		proctest.Mortal(t)
		s := shared.Named(t)
		b := newBarrier(t, s.Segment, parties)
		p, q := startParty(t, s, "break"), startParty(t, s, "break")
		meet(t, b, p, q)
		if reset {
			b.Reset()
		}
		q.Send("Wait")
		w := barrierWaits(b)
		untilWaiting(t, b, 2)
		p.Kill()
		atkWithin(t, map[bool]string{true: "reset", false: "no reset"}[reset], w)
		b.Abort()
		q.Recv()
		})
	}
}

// A party has come, and is stopped while it looks for the dead. Another dies.
func TestAtkbDeathWhilePaused(t *testing.T) {
	proctest.Mortal(t)
	s := shared.Named(t)
	b := newBarrier(t, s.Segment, parties)
	p, q := startParty(t, s, "break"), startParty(t, s, "break")
	meet(t, b, p, q)
	w := barrierWaits(b)
	untilWaiting(t, b, 1)
	call(q.Proc, "Stay", "done")
	p.Kill()
	atkWithin(t, "paused in the lock", w)
	b.Abort()
	q.Kill()
}
