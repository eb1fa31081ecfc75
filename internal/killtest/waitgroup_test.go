//go:build linux && (amd64 || arm64) && !isthmus_nofutex

package killtest_test

import (
	"context"
	"encoding/binary"
	"errors"
	"slices"
	"time"

	"github.com/isthmus-go/isthmus/internal/segment"
	"github.com/isthmus-go/isthmus/shm"
)

const totalAt = 32 // of a WaitGroup

// waitGroups are the operations of a WaitGroup.
func waitGroups() []operation {
	on := func(added int, do func(g *shm.WaitGroup) result, options ...shm.WaitGroupOption) func(*victim) func() result {
		return func(v *victim) func() result {
			g := must(shm.NewWaitGroup(v.seg, "g", options...))
			g.Add(added)
			return func() result { return do(g) }
		}
	}
	add := func(n int) func(*shm.WaitGroup) result {
		return func(g *shm.WaitGroup) result { g.Add(n); return did() }
	}
	take := func(g *shm.WaitGroup) result { return did(truth(g.Take(1))...) }
	wait := func(g *shm.WaitGroup) result { g.Wait(); return did() }
	tell := func(g *shm.WaitGroup) result { return failed(g.WaitContext(context.Background())) }
	return []operation{
		{name: "WaitGroup Add", victim: on(0, add(2)), play: groupScene{mine: 1, alive: 3, before: 1, after: 1}.play},
		{name: "WaitGroup Done", victim: on(1, add(-1)), play: groupScene{}.play, changes: true},
		{name: "WaitGroup Done, another sleeps", victim: on(1, add(-1)), play: groupScene{other: true}.play, changes: true,
			other: func(seg *shm.Segment) func() result {
				g := must(shm.NewWaitGroup(seg, "g"))
				return func() result { return wait(g) }
			}},
		{name: "WaitGroup Done, another died inside", victim: on(1, add(-1)), play: groupScene{inside: true}.play},
		{name: "WaitGroup Done of another's", victim: on(0, add(-1)), play: groupScene{mine: 2, alive: 1, before: 2, after: 1}.play, changes: true},
		{name: "WaitGroup Take", victim: on(0, take), play: groupScene{mine: 2, alive: 2, before: 2, after: 1}.play, changes: true},
		{name: "WaitGroup Take, counts of the dead", victim: on(0, take, shm.ReportDead),
			play: groupScene{report: true, dead: 2, alive: 2, before: 2, after: 2}.play, changes: true},
		{name: "WaitGroup Wait, sleeping", victim: on(0, wait), play: groupScene{mine: 1, waits: true, before: 1}.play},
		{name: "WaitGroup Wait, counts of the dead", victim: on(0, wait), play: groupScene{dead: 2}.play, changes: true},
		{name: "WaitGroup WaitContext, counts of the dead", victim: on(0, tell, shm.ReportDead),
			play: groupScene{report: true, dead: 2, told: true, alive: 2, before: 2, after: 2}.play},
	}
}

// groupScene is what goes on around an operation of a WaitGroup.
type groupScene struct {
	report bool
	mine   int  // what the test has added
	dead   int  // what somebody died with
	inside bool // somebody died in a change before
	other  bool // the other process waits
	waits  bool // the operation waits until the test takes its count off
	told   bool // the operation reports counts of the dead

	// How many counts there are after the operation, and after the victim's death when its
	// counts have come back, if it was before the operation or after it.
	alive, before, after uint64
}

func (c groupScene) play(s *stage) scene {
	var options []shm.WaitGroupOption
	if c.report {
		options = append(options, shm.ReportDead)
	}
	g := must(shm.NewWaitGroup(s.seg, "g", options...))
	mine := 0
	give := func() {
		if mine > 0 {
			g.Add(-mine)
			mine = 0
		}
	}
	want := func(what string, wants ...uint64) {
		s.Helper()
		if got := s.wide("g", totalAt); !slices.Contains(wants, got) {
			s.fatalf("%s: there are %d counts, want %d", what, got, wants)
		}
	}
	return scene{
		wakes: c.other,
		ready: func() {
			want("before", 0)
			g.Add(c.mine)
			mine = c.mine
		},
		set: func() {
			if c.other {
				s.begin()
			}
			if c.dead > 0 || c.inside {
				c.die(s, options)
			}
		},
		asleep: func() {
			if c.waits {
				give()
			}
		},
		paused: func() func() {
			ctx, cancel := context.WithTimeout(context.Background(), 2*slice)
			defer cancel()
			if err := g.WaitContext(ctx); err != nil && !(c.report && errors.Is(err, shm.ErrOwnerDied)) {
				s.is("WaitContext", err, context.DeadlineExceeded)
			}
			if c.other {
				return nil
			}
			done := s.background("Add", func() { g.Add(1); g.Done() })
			done(slice) // it may have to wait for the victim's change
			return func() { done(patience) }
		},
		alive: func(o outcome) { want("with the victim alive", c.alive) },
		check: func(o outcome) {
			switch {
			case c.told && o.ended:
				s.is("the victim's operation", o.err, shm.ErrOwnerDied)
			default:
				s.must("the victim's operation", o.err)
			}
			if o.ended && len(o.values) > 0 && o.values[0] != 1 {
				s.fatalf("Take fails")
			}
			if c.other {
				s.must("the other process", s.finish().err)
			}
			s.bounded("Add", func(context.Context) error { g.Add(0); return nil })
			wants := []uint64{c.after}
			if !o.ended {
				wants = append(wants, c.before)
			}
			for start := time.Now(); !slices.Contains(wants, s.wide("g", totalAt)) && time.Since(start) < patience; {
				ctx, cancel := context.WithTimeout(context.Background(), 2*slice)
				_ = g.WaitContext(ctx) // counts of the dead come back
				cancel()
			}
			want("after the operation, or a death", wants...)
			g.Add(-int(s.wide("g", totalAt)))
			s.bounded("WaitContext", g.WaitContext)
			want("in the end", 0)
		},
	}
}

// die leaves what somebody leaves who dies with counts, or in a change.
func (c groupScene) die(s *stage, options []shm.WaitGroupOption) {
	dead := must(shm.Open(segmentName, s.opts))
	must(shm.NewWaitGroup(dead, "g", options...)).Add(c.dead)
	id := uint64(segment.Of(dead).ID())
	s.must("close", dead.Close())
	if c.inside {
		binary.NativeEndian.PutUint64(s.memory("g"), id) // of the owner of the lock
	}
}
