package ring_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/internal/proctest/shared"
	"github.com/isthmus-go/isthmus/ring"
	"github.com/isthmus-go/isthmus/shm"
)

// A countedRing is a ring of some kind that has Stats. Its ends are claimed when they are used.
type countedRing struct {
	push, pop        func() error
	reserve, lend    func() error // without an end
	produce, consume func()       // claim an end
	nack             func() error // what was lent last
	putBack          func() error // pushes until it has to look for the dead
	unit             uint64       // of Pushed and Popped, for each message
	stats            func() ring.Stats
}

const countedCapacity = 8

// counted opens the ring of a kind.
func counted(t proctest.Fataler, s *shm.Segment, kind string) countedRing {
	ctx, text := background, []byte("abc")
	capacity := countedCapacity
	base, large := strings.CutSuffix(kind, ", large") // where hints, and limits, are not exact
	if large {
		capacity = 32 * countedCapacity
	}
	switch base {
	case "SPSC":
		r := proctest.Must(ring.NewSPSC[uint64](s, kind, capacity))(t)
		p, c := end(t, r.Producer), end(t, r.Consumer)
		return countedRing{
			push: func() error { return p().Push(ctx, 1) }, pop: func() error { _, err := c().Pop(ctx); return err },
			produce: func() { p() }, consume: func() { c() }, unit: 1, stats: r.Stats,
		}
	case "Bytes":
		r := proctest.Must(ring.NewBytes(s, kind, 16*capacity))(t)
		p, c := end(t, r.Producer), end(t, r.Consumer)
		return countedRing{
			push: func() error { return p().Push(ctx, text) }, pop: func() error { _, err := c().Pop(ctx, nil); return err },
			produce: func() { p() }, consume: func() { c() }, unit: 16, stats: r.Stats,
		}
	case "MPMC", "MPMC, FailOnDeath":
		var opts []ring.Option
		if base != "MPMC" {
			opts = []ring.Option{ring.FailOnDeath}
		}
		q := proctest.Must(ring.NewMPMC[uint64](s, kind, capacity, opts...))(t)
		return countedRing{
			push: func() error { return q.Push(ctx, 1) }, pop: func() error { _, err := q.Pop(ctx); return err },
			reserve: func() error { _, err := q.TryReserve(); return err }, lend: func() error { _, err := q.TryNext(); return err },
			unit: 1, stats: q.Stats,
		}
	case "BytesMPMC":
		q := proctest.Must(ring.NewBytesMPMC(s, kind, 64*capacity))(t)
		return countedRing{
			push: func() error { return q.Push(ctx, text) }, pop: func() error { _, err := q.Pop(ctx, nil); return err },
			reserve: func() error { _, err := q.TryReserve(3); return err }, lend: func() error { _, err := q.TryNext(); return err },
			unit: 64, stats: q.Stats,
		}
	case "Broadcast", "Broadcast, lossless":
		opts := broadcasts[map[bool]string{true: "lossless", false: "lossy"}[base != "Broadcast"]]
		b := proctest.Must(ring.NewBroadcast[uint64](s, kind, capacity, opts...))(t)
		p, c := end(t, b.Producer), end(t, func() (*ring.Subscriber[uint64], error) { return b.Subscribe(ring.FromOldest) })
		return countedRing{
			push: func() error { return p().Push(ctx, 1) }, pop: func() error { _, err := c().Pop(ctx); return err },
			produce: func() { p() }, consume: func() { c() }, unit: 1, stats: b.Stats,
		}
	case "WorkQueue":
		q := proctest.Must(ring.NewWorkQueue[uint64](s, kind, capacity))(t)
		var task ring.Task[uint64]
		get := func() (err error) { task, err = q.Get(ctx); return err }
		return countedRing{
			push: func() error { return q.Put(ctx, 1) }, lend: get, nack: func() error { return task.Nack() }, reserve: q.Take,
			pop: func() error {
				if err := get(); err != nil {
					return err
				}
				return task.Ack()
			},
			putBack: func() error {
				for range 64 + countedCapacity {
					if err := q.TryPut(1); err != nil && err != ring.ErrFull {
						return err
					}
				}
				return get() // of nobody's, and not of the dead
			},
			stats: func() ring.Stats { return ring.Stats{Stats: q.Stats()} },
		}
	}
	panic(kind)
}

// end returns an end that is claimed once.
func end[T any](t proctest.Fataler, claim func() (T, error)) func() T {
	return sync.OnceValue(func() T { return proctest.Must(claim())(t) })
}

// The helper "counted" does what it is told with the ring of the kind that it is given. After
// "sleep" it has to wait: it says when it counts as asleep, and when it is done.
var _ = proctest.Register("counted", func(c *proctest.Child) {
	s := shared.Open(c)
	r := counted(c, s, c.Arg(0))
	do := map[string]func() error{
		"push": r.push, "pop": r.pop, "reserve": r.reserve, "lend": r.lend,
		"produce": func() error { r.produce(); return nil }, "consume": func() error { r.consume(); return nil },
	}
	for {
		what := c.Recv()
		switch what {
		case "sleep":
			what = c.Recv()
			before := r.stats().Waits
			done := proctest.Go(do[what])
			proctest.Until(c, "it sleeps", func() bool { return r.stats().Waits == before+1 })
			c.Send("asleep")
			c.Check(proctest.Result(c, done))
		case "stats":
			c.Send(r.stats().Stats)
			continue
		case "end":
			c.Check(s.Close())
			return
		default:
			c.Check(do[what]())
		}
		c.Send("done")
	}
})

// tell has the helper do things.
func tell(p *proctest.Proc, whats ...string) {
	for _, what := range whats {
		p.Send(what)
		p.Expect("done")
	}
}

func wantStats(t *testing.T, when string, got ring.Stats, pushed, popped uint64, counts shm.Stats) {
	t.Helper()
	if want := (ring.Stats{Pushed: pushed, Popped: popped, Stats: counts}); got != want {
		t.Errorf("%s: got %+v, want %+v", when, got, want)
	}
}

// TestStats pushes messages in a process that ends, and pops them in others. What counts messages
// is of all processes; and nobody has waited.
func TestStats(t *testing.T) {
	for _, kind := range []string{"SPSC", "MPMC", "Bytes", "BytesMPMC", "Broadcast", "Broadcast, lossless", "WorkQueue",
		"MPMC, large", "BytesMPMC, large", "Broadcast, large"} {
		t.Run(kind, func(t *testing.T) {
			s := newSegment(t)
			r := counted(t, s, kind)
			popped := r.unit
			if r.consume != nil && kind != "SPSC" && kind != "Bytes" {
				popped = 0 // each subscriber pops each message
				r.consume()
			}
			p := proctest.Start(t, "counted", kind)
			tell(p, "push", "push", "push", "push", "push")
			p.Send("end")
			p.Wait()
			wantStats(t, "pushed 5", r.stats(), 5*r.unit, 0, shm.Stats{})
			for range 3 {
				proctest.Check(t, r.pop())
			}
			wantStats(t, "popped 3", r.stats(), 5*r.unit, 3*popped, shm.Stats{})
			for range 30 {
				proctest.Check(t, r.push())
				proctest.Check(t, r.pop())
			}
			wantStats(t, "popped 33", counted(t, s, kind).stats(), 35*r.unit, 33*popped, shm.Stats{})
			other := shared.Open(t)
			wantStats(t, "in another Segment", counted(t, other, kind).stats(), 35*r.unit, 33*popped, shm.Stats{})
			proctest.Check(t, other.Close())
			proctest.Check(t, s.Close())
			wantStats(t, "after Close", r.stats(), 0, 0, shm.Stats{})
		})
	}
}

// TestStatsLent counts what is lent as popped, and what is reserved as pushed.
func TestStatsLent(t *testing.T) {
	for _, kind := range []string{"MPMC", "BytesMPMC"} {
		r := counted(t, newSegment(t), kind)
		proctest.Check(t, r.push())
		proctest.Check(t, r.reserve())
		proctest.Check(t, r.lend())
		wantStats(t, kind, r.stats(), 2*r.unit, r.unit, shm.Stats{})
	}
}

// TestStatsWaits has another process wait for a message, and for room, twice.
func TestStatsWaits(t *testing.T) {
	for _, test := range []struct{ kind, what string }{
		{"SPSC", "pop"}, {"MPMC", "pop"}, {"Bytes", "pop"}, {"BytesMPMC", "pop"}, {"Broadcast", "pop"}, {"WorkQueue", "pop"},
		{"MPMC, FailOnDeath", "pop"}, {"SPSC", "push"}, {"MPMC", "push"}, {"BytesMPMC", "push"}, {"Broadcast, lossless", "push"}, {"WorkQueue", "push"},
	} {
		t.Run(test.kind+" "+test.what, func(t *testing.T) {
			s := newSegment(t)
			r := counted(t, s, test.kind)
			p := proctest.Start(t, "counted", test.kind)
			wake := r.push
			if test.what == "push" {
				wake = r.pop
				if r.consume != nil {
					r.consume()
				}
				for range countedCapacity {
					tell(p, "push")
				}
			}
			for n := range uint64(2) {
				p.Send("sleep")
				p.Send(test.what)
				p.Expect("asleep")
				proctest.Check(t, wake())
				p.Expect("done")
				if got, want := r.stats().Stats, (shm.Stats{WakeUps: n + 1}); got != want {
					t.Errorf("who has woken: got %+v, want %+v", got, want)
				}
				p.Send("stats")
				p.Expect(fmt.Sprint(shm.Stats{Waits: n + 1}))
			}
			p.Send("end")
			p.Wait()
			proctest.Check(t, s.Close())
			wantStats(t, "after Close", r.stats(), 0, 0, shm.Stats{WakeUps: 2})
		})
	}
}

// TestStatsRepairs kills a process with something, or has it close its Segment, which is no death
// only for a role: what comes after that repairs it, once.
func TestStatsRepairs(t *testing.T) {
	proctest.Mortal(t)
	produce := func(r countedRing) error { r.produce(); return nil }
	consume := func(r countedRing) error { r.consume(); return nil }
	pop := func(r countedRing) error { return r.pop() }
	steps := func(steps ...func(r countedRing) error) func(r countedRing) error {
		return func(r countedRing) error {
			for _, step := range steps {
				if err := step(r); err != nil {
					return err
				}
			}
			return nil
		}
	}
	push := func(r countedRing) error { return r.push() }
	lend := func(r countedRing) error { return r.lend() }
	nack := func(r countedRing) error { return r.nack() }
	fill := steps(slices.Repeat([]func(countedRing) error{push}, countedCapacity+1)...)
	for _, test := range []struct {
		kind   string
		before []string
		after  func(r countedRing) error
		closed uint64 // repairs after a Close
	}{
		{"SPSC", []string{"produce"}, produce, 0},
		{"SPSC", []string{"consume"}, consume, 0},
		{"Bytes", []string{"produce"}, produce, 0},
		{"Broadcast", []string{"produce"}, produce, 0},
		{"Broadcast, lossless", []string{"consume"}, fill, 1},
		{"Broadcast, lossless", []string{"consume"}, consume, 1},
		{"MPMC", []string{"reserve"}, steps(push, pop), 1},
		{"MPMC", []string{"push", "lend"}, pop, 1},
		{"BytesMPMC", []string{"reserve"}, steps(push, pop), 1},
		{"BytesMPMC", []string{"push", "lend"}, pop, 1},
		{"WorkQueue", []string{"push", "lend"}, pop, 1},
		{"WorkQueue", []string{"push", "lend"}, steps(lend, nack, lend, nack, pop), 1},
		{"WorkQueue", []string{"push", "reserve"}, pop, 1},
		{"WorkQueue", []string{"push", "reserve"}, func(r countedRing) error { return r.putBack() }, 1},
	} {
		for _, how := range []string{"killed", "closed"} {
			t.Run(fmt.Sprint(test.kind, test.before, how), func(t *testing.T) {
				s := newSegment(t)
				p := proctest.Start(t, "counted", test.kind)
				tell(p, test.before...)
				want := uint64(1)
				if how == "killed" {
					p.Kill()
				} else {
					want = test.closed
					p.Send("end")
					p.Wait()
				}
				r := counted(t, s, test.kind)
				proctest.Check(t, test.after(r))
				if got := r.stats().Repairs; got != want {
					t.Errorf("%d repairs, want %d", got, want)
				}
			})
		}
	}
}
