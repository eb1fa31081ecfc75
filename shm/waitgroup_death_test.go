package shm_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/internal/proctest/shared"
	"github.com/isthmus-go/isthmus/shm"
)

// TestWaitGroupKilled kills a process that has counts of each sort, with one that waits,
// and before anybody does.
func TestWaitGroupKilled(t *testing.T) {
	for _, test := range []struct {
		method string
		answer any
	}{{"Add", "done"}, {"Take", true}, {"Go", "done"}} {
		for _, waited := range []bool{false, true} {
			t.Run(fmt.Sprint(test.method, waited), func(t *testing.T) {
				eachGroup(t, func(t *testing.T, s shared.Segment, g *shm.WaitGroup, kind string) {
					p, q := s.Start(t, "group", kind), s.Start(t, "group", kind)
					g.Add(2)
					groupStep{test.method, 2, test.answer}.by(p)
					g.Add(-int(g.Total() - 2)) // those that are not the helper's
					wantTotal(t, g, 2)
					var w <-chan any
					if waited {
						w = groupWaits(g)
						q.Send("Wait 0")
						proctest.Until(t, "somebody sleeps", g.Awaited)
					}
					start := time.Now()
					p.Kill()
					if !waited {
						w = groupWaits(g)
						q.Send("Wait 0")
					}
					if kind == "return" {
						wantEnd(t, w, "done")
						q.Expect("done")
						wantTotal(t, g, 0)
					} else {
						wantEnd(t, w, "owner died")
						q.Expect("owner died")
						wantTotal(t, g, 2)
						proctest.WantError(t, "WaitContext", g.WaitContext(t.Context()), shm.ErrOwnerDied, `wait group "g"`)
						groupStep{"Take", 3, false}.by(q)
						groupStep{"Take", 1, true}.by(q)
						wantEnd(t, groupWaits(g), "owner died")
						g.Done() // gives it up
						groupStep{"Add", -1, "done"}.by(q)
						wantEnd(t, groupWaits(g), "done")
					}
					proctest.Prompt(t, "told", start)
					proctest.WantText(t, "Done", fmt.Sprint(proctest.PanicOf(func() { g.Add(-3) })), "negative WaitGroup counter")
					endGroup(q)
				})
			})
		}
	}
}

// TestWaitGroupParentKilled kills the parent of children that work. What they have taken
// over is theirs. The others are done once too often, and must not die of that.
func TestWaitGroupParentKilled(t *testing.T) {
	proctest.Mortal(t)
	s := shared.Named(t)
	g := newWaitGroup(t, s.Segment, "g")
	parent, taker, leaver := s.Start(t, "group", "return"), s.Start(t, "group", "return"), s.Start(t, "group", "return")
	groupStep{"Add", 3, "done"}.by(parent)
	groupStep{"Take", 1, true}.by(taker)
	w := groupWaits(g)
	proctest.Until(t, "somebody sleeps", g.Awaited)
	parent.Kill()
	proctest.Until(t, "two counts come back", func() bool { return g.Total() == 1 })
	groupStep{"Take", 1, false}.by(leaver)
	groupStep{"Add", -1, "done"}.by(leaver)
	wantTotal(t, g, 1)
	groupStep{"Add", -1, "done"}.by(taker)
	wantEnd(t, w, "done")
	groupStep{"Add", -1, "done"}.by(leaver)
	leaver.Send("Add", -1)
	proctest.WantText(t, "Done", leaver.Recv(), "negative WaitGroup counter")
	endGroup(taker)
	endGroup(leaver)
}

// TestWaitGroupParentKilledUnseen kills the parent where nobody waits: its child finds the
// count of the dead itself.
func TestWaitGroupParentKilledUnseen(t *testing.T) {
	eachGroup(t, func(t *testing.T, s shared.Segment, g *shm.WaitGroup, kind string) {
		parent := s.Start(t, "group", kind)
		groupStep{"Add", 2, "done"}.by(parent)
		parent.Kill()
		if took := g.Take(1); took != (kind == "report") {
			t.Errorf("took over a count of the dead: %v", took)
		}
		g.Add(-2)
		wantTotal(t, g, 0)
		proctest.WantText(t, "Done", proctest.PanicOf(g.Done), "negative WaitGroup counter")
	})
}

// TestWaitGroupLivingFirst has Done and Take turn to what the living have added before
// what belongs to the dead, so that these are not forgotten.
func TestWaitGroupLivingFirst(t *testing.T) {
	for _, method := range []string{"Add", "Take"} {
		t.Run(method, func(t *testing.T) {
			proctest.Mortal(t)
			s := shared.Named(t)
			g := newWaitGroup(t, s.Segment, "g", shm.ReportDead)
			p, q := s.Start(t, "group", "report"), s.Start(t, "group", "report")
			g.Add(2)
			groupStep{"Take", 1, true}.by(p)
			p.Kill()
			if method == "Add" {
				groupStep{"Add", -1, "done"}.by(q)
			} else {
				groupStep{"Take", 1, true}.by(q)
			}
			wantEnd(t, groupWaits(g), "owner died")
			groupStep{"Take", 1, true}.by(q) // the dead one's
			groupStep{"Take", 1, false}.by(q)
			groupStep{"Add", -int(g.Total()), "done"}.by(q)
			wantEnd(t, groupWaits(g), "done")
			endGroup(q)
		})
	}
}

// TestWaitGroupSlotTakenAgain starts a process in the slot of a dead one.
func TestWaitGroupSlotTakenAgain(t *testing.T) {
	for kind, options := range groupOptions {
		t.Run(kind, func(t *testing.T) {
			proctest.Mortal(t)
			s := shared.NamedWith(t, &shm.Options{MaxProcs: 2})
			g := newWaitGroup(t, s.Segment, "g", options...)
			p := s.Start(t, "group", kind)
			groupStep{"Add", 2, "done"}.by(p)
			p.Kill()
			q := s.Start(t, "group", kind)
			groupStep{"Add", 1, "done"}.by(q)
			wantTotal(t, g, 3)
			if kind == "report" {
				wantEnd(t, groupWaits(g), "owner died")
				g.Add(-2) // one of the living, one of the dead
				wantEnd(t, groupWaits(g), "owner died")
				g.Done()
			} else {
				w := groupWaits(g)
				proctest.Until(t, "the counts come back", func() bool { return g.Total() == 1 })
				groupStep{"Add", -1, "done"}.by(q)
				wantEnd(t, w, "done")
			}
			wantTotal(t, g, 0)
			endGroup(q)
		})
	}
}

// TestWaitGroupKilledInDone kills a process in the Done of the last count: who waits goes,
// also if another adds to it before it has looked.
func TestWaitGroupKilledInDone(t *testing.T) {
	for _, method := range []string{"Stay", "DoneHalf", "DoneSilently"} {
		t.Run(method, func(t *testing.T) {
			eachGroup(t, func(t *testing.T, s shared.Segment, g *shm.WaitGroup, kind string) {
				p := s.Start(t, "group", kind)
				groupStep{"Add", 1, "done"}.by(p)
				w := groupWaits(g)
				proctest.Until(t, "somebody sleeps", g.Awaited)
				groupStep{method, 0, "done"}.by(p)
				start := time.Now()
				p.Kill()
				if method != "Stay" {
					g.Add(1)
				}
				want := "done"
				if method == "Stay" && kind == "report" {
					want = "owner died"
				}
				wantEnd(t, w, want)
				proctest.Prompt(t, "told", start)
			})
		})
	}
}

// A juggler adds, takes over and takes off what others have added, and has goroutines, all
// the time.
var _ = proctest.Register("juggler", func(c *proctest.Child) {
	seg := shared.Open(c)
	g := newWaitGroup(c, seg, "g", groupOptions[c.Arg(0)]...)
	steps, stop := shared.Value[int64](c, seg, "steps"), shared.Value[bool](c, seg, "stop")
	c.Send("ready")
	for !stop.Load() {
		g.Add(1)
		g.Go(func() {})
		if g.Take(1) {
			g.Done()
		}
		shm.Add(steps, 1)
	}
	c.Send("stopped")
	c.Recv()
	c.Check(seg.Close())
})

// TestWaitGroupKilledAnywhere kills processes wherever they are. In the end there are no
// counts but what can be taken over, or comes back.
func TestWaitGroupKilledAnywhere(t *testing.T) {
	eachGroup(t, func(t *testing.T, s shared.Segment, g *shm.WaitGroup, kind string) {
		random := proctest.Random(t)
		steps := shared.Value[int64](t, s.Segment, "steps")
		procs := s.StartAll(t, 3, "juggler", kind)
		for range 20 {
			goal := steps.Load() + 1 + random.Int64N(1000)
			proctest.Until(t, "the others go on", func() bool { return steps.Load() >= goal })
			i := random.IntN(len(procs))
			procs[i].Kill()
			procs[i] = s.Start(t, "juggler", kind)
		}
		shared.Value[bool](t, s.Segment, "stop").Store(true)
		for _, p := range procs {
			p.Expect("ready")
			p.Expect("stopped")
		}
		total := g.Total()
		for n := int(total); n > 0; { // there may be very many
			if g.Take(n) {
				g.Add(-n)
			} else {
				n /= 2
			}
		}
		t.Logf("%d steps, %d counts", steps.Load(), total)
		proctest.Check(t, g.WaitContext(t.Context()))
		wantTotal(t, g, 0)
		for _, p := range procs {
			p.Send("end")
			p.Wait()
		}
	})
}

// TestWaitGroupTakesOfOthers has a process that has added counts itself take over those of
// another, and leave those of a dead one.
func TestWaitGroupTakesOfOthers(t *testing.T) {
	proctest.Mortal(t)
	s := shared.Named(t)
	gone := s.Another(t)
	a, dead, b := newWaitGroup(t, s.Segment, "g", shm.ReportDead), newWaitGroup(t, gone, "g", shm.ReportDead), newWaitGroup(t, s.Another(t), "g", shm.ReportDead)
	a.Add(2)
	dead.Add(1)
	b.Add(1)
	gone.Close()
	if !a.Take(1) {
		t.Error("there is nothing to take over")
	}
	wantEnd(t, groupWaits(b), "owner died")
	if b.Take(4) || !b.Take(3) {
		t.Error("there is not what a has added, and what the dead one has")
	}
	b.Add(-3)
	a.Done()
	wantEnd(t, groupWaits(a), "done")
}
