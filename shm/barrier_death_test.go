package shm_test

import (
	"testing"
	"time"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/internal/proctest/shared"
	"github.com/isthmus-go/isthmus/shm"
)

// TestBarrierKilled kills a party that waits, and one that works, with others waiting and
// before they do.
func TestBarrierKilled(t *testing.T) {
	for _, when := range []string{"waiting", "working", "working, others wait", "waiting for the first time"} {
		t.Run(when, func(t *testing.T) {
			eachBarrier(t, func(t *testing.T, s shared.Segment, b *shm.Barrier, kind string) {
				p, q := startParty(t, s, kind), startParty(t, s, kind)
				came := 0
				if when != "waiting for the first time" {
					meet(t, b, p, q)
				}
				if when != "working" && when != "working, others wait" {
					p.Send("Wait")
					came++
					untilWaiting(t, b, came)
				}
				if when == "working, others wait" || when == "waiting for the first time" {
					q.Send("Wait")
					came++
					untilWaiting(t, b, came)
				}
				start := time.Now()
				p.Kill()
				if came < 2 && when != "working, others wait" {
					q.Send("Wait")
				}
				if kind == "break" {
					q.Expect("broken")
					proctest.Prompt(t, "told", start)
					wantEnd(t, barrierWaits(b), "broken")
					b.Reset()
					meet(t, b, q, startParty(t, s, kind))
				} else {
					untilWaiting(t, b, 1) // those who have died do not count
					wantMet(t, barrierEnd(b), q.Recv())
					r := startParty(t, s, kind)
					q.Send("Wait")
					r.Send("Wait") // in place of the dead one
					untilWaiting(t, b, 2)
					wantMet(t, barrierEnd(b), q.Recv(), r.Recv())
				}
			})
		})
	}
}

// wantMet checks that one of those who met is the leader. All of them must have been let go.
func wantMet(t *testing.T, ends ...any) {
	t.Helper()
	leaders := 0
	for _, e := range ends {
		switch e {
		case "leader":
			leaders++
		case "done":
		default:
			t.Errorf("Wait: %v", e)
		}
	}
	if leaders != 1 {
		t.Errorf("%d leaders, expected one: %v", leaders, ends)
	}
}

// TestBarrierAllButOneKilled goes on alone.
func TestBarrierAllButOneKilled(t *testing.T) {
	proctest.Mortal(t)
	s := shared.Named(t)
	b := newBarrier(t, s.Segment, parties, shm.GoOn)
	p, q := startParty(t, s, "go on"), startParty(t, s, "go on")
	meet(t, b, p, q)
	w := barrierWaits(b)
	untilWaiting(t, b, 1)
	p.Kill()
	q.Kill()
	wantEnd(t, w, "leader")
	wantEnd(t, barrierWaits(b), "leader")
}

// TestBarrierNextGroup has a group end, or die, and another begin: the dead are not those it
// waits for.
func TestBarrierNextGroup(t *testing.T) {
	eachBarrier(t, func(t *testing.T, s shared.Segment, b *shm.Barrier, kind string) {
		for range 3 {
			procs := []*party{startParty(t, s, kind), startParty(t, s, kind), startParty(t, s, kind)}
			for _, p := range procs[1:] {
				p.Send("Wait")
			}
			untilWaiting(t, b, parties-1) // all are expected
			procs[0].Send("Wait")
			wantMet(t, procs[0].Recv(), procs[1].Recv(), procs[2].Recv())
			procs[0].Kill()
			procs[1].end()
			procs[2].end()
		}
	})
}

// TestBarrierSlotTakenAgain starts a process in the slot of a dead party.
func TestBarrierSlotTakenAgain(t *testing.T) {
	for kind, options := range barrierOptions {
		t.Run(kind, func(t *testing.T) {
			proctest.Mortal(t)
			s := shared.NamedWith(t, &shm.Options{MaxProcs: 3})
			b := newBarrier(t, s.Segment, parties, options...)
			p, q := startParty(t, s, kind), startParty(t, s, kind)
			meet(t, b, p, q)
			p.Kill()
			r := startParty(t, s, kind)
			if kind == "break" {
				call(r.Proc, "Wait", "broken")
				b.Reset()
				meet(t, b, q, r)
				return
			}
			call(r.Proc, "EnterHalf", "done")
			r.Kill()
			meet(t, b, q) // the place of p stays vacant
			r = startParty(t, s, kind)
			r.Send("Wait")
			untilWaiting(t, b, 1)
			meet(t, b, q)
			r.Recv()
			r.Kill()
			q.Send("Wait")
			untilWaiting(t, b, 1)
			wantMet(t, barrierEnd(b), q.Recv()) // both deaths are known
		})
	}
}

// TestBarrierKilledInside kills a process in the middle of Wait.
func TestBarrierKilledInside(t *testing.T) {
	for _, method := range []string{"Stay", "ArriveHalf", "EndSilently"} {
		t.Run(method, func(t *testing.T) {
			eachBarrier(t, func(t *testing.T, s shared.Segment, b *shm.Barrier, kind string) {
				p, q := startParty(t, s, kind), startParty(t, s, kind)
				w := barrierWaits(b)
				q.Send("Wait")
				untilWaiting(t, b, 2)
				call(p.Proc, method, "done")
				start := time.Now()
				p.Kill()
				switch method {
				case "Stay": // it has not come yet: nobody knows it
					call(startParty(t, s, kind).Proc, "Wait", "leader")
					wantEnd(t, w, "done")
					q.Expect("done")
				case "ArriveHalf": // those who wait end the phase
					wantMet(t, proctest.Result(t, w), q.Recv())
				default: // its leader is dead
					wantEnd(t, w, "done")
					q.Expect("done")
				}
				proctest.Prompt(t, "told", start)
			})
		})
	}
}

// TestBarrierKilledAfterReset kills a party that has not come again since a Reset: it is one
// still.
func TestBarrierKilledAfterReset(t *testing.T) {
	proctest.Mortal(t)
	s := shared.Named(t)
	b := newBarrier(t, s.Segment, parties)
	p, q := startParty(t, s, "break"), startParty(t, s, "break")
	meet(t, b, p, q)
	b.Reset()
	q.Send("Wait")
	w := barrierWaits(b)
	untilWaiting(t, b, 2)
	start := time.Now()
	p.Kill()
	wantEnd(t, w, "broken")
	q.Expect("broken")
	proctest.Prompt(t, "told", start)
}

// TestBarrierKilledWhilePaused kills a party while another is stopped in the middle of an
// arrival.
func TestBarrierKilledWhilePaused(t *testing.T) {
	proctest.Mortal(t)
	s := shared.Named(t)
	b := newBarrier(t, s.Segment, parties)
	p, q := startParty(t, s, "break"), startParty(t, s, "break")
	meet(t, b, p, q)
	w := barrierWaits(b)
	untilWaiting(t, b, 1)
	call(q.Proc, "Stay", "done")
	start := time.Now()
	p.Kill()
	wantEnd(t, w, "broken")
	proctest.Prompt(t, "told", start)
	q.Kill()
}

// TestBarrierKilledWhileAnotherEnds kills the last party that comes before it has ended the
// phase. While somebody else is at it, a death does not break what all have come to.
func TestBarrierKilledWhileAnotherEnds(t *testing.T) {
	proctest.Mortal(t)
	s := shared.Named(t)
	b := newBarrier(t, s.Segment, parties)
	p, other := startParty(t, s, "break"), startParty(t, s, "break")
	b.Come()
	phase := b.Come()
	call(p.Proc, "ArriveHalf", "done")
	p.Kill()
	call(other.Proc, "Stay", "done") // it has the dead one's lock
	if b.Attend(phase) || b.Broken() {
		t.Fatalf("a death has ended, or broken, the phase: broken is %v", b.Broken())
	}
	other.Kill()
	if !b.Attend(phase) || b.Broken() {
		t.Fatalf("nobody has ended the phase: broken is %v", b.Broken())
	}
}

// TestBarrierKilledInReset leaves a barrier that is broken, and that another resets.
func TestBarrierKilledInReset(t *testing.T) {
	eachBarrier(t, func(t *testing.T, s shared.Segment, b *shm.Barrier, kind string) {
		p, q := startParty(t, s, kind), startParty(t, s, kind)
		meet(t, b, p, q)
		w := barrierWaits(b)
		untilWaiting(t, b, 1)
		call(p.Proc, "ResetHalf", "done")
		p.Kill()
		wantEnd(t, w, "broken")
		call(q.Proc, "Wait", "broken")
		b.Reset()
		meet(t, b, q, startParty(t, s, kind))
	})
}

// A walker passes the barrier until it is told to stop.
var _ = proctest.Register("walker", func(c *proctest.Child) {
	seg := shared.Open(c)
	b, stop := newBarrier(c, seg, parties, barrierOptions[c.Arg(0)]...), shared.Value[bool](c, seg, "stop")
	for !stop.Load() {
		if end := barrierEnd(b); end == "broken" && !stop.Load() {
			b.Reset()
		} else if end != "leader" && end != "done" && end != "broken" {
			c.Fatalf("Wait: %v", end)
		}
	}
	b.Abort() // who still waits
	c.Check(seg.Close())
})

// TestBarrierKilledAnywhere kills processes wherever they are: the others go on, or are told,
// and none waits forever.
func TestBarrierKilledAnywhere(t *testing.T) {
	eachBarrier(t, func(t *testing.T, s shared.Segment, b *shm.Barrier, kind string) {
		random := proctest.Random(t)
		procs := s.StartAll(t, parties, "walker", kind)
		for range 12 {
			goal := b.Phase() + 1 + random.Uint64N(300)
			proctest.Until(t, "the others go on", func() bool { return b.Phase() >= goal })
			i := random.IntN(len(procs))
			procs[i].Kill()
			procs[i] = s.Start(t, "walker", kind)
		}
		shared.Value[bool](t, s.Segment, "stop").Store(true)
		b.Abort()
		for _, p := range procs {
			p.Wait()
		}
	})
}
