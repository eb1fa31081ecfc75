//go:build linux && (amd64 || arm64) && !isthmus_nofutex

package killtest_test

import (
	"context"

	"github.com/isthmus-go/isthmus/shm"
)

// events are the operations of an Event.
func events() []operation {
	on := func(do func(e *shm.Event) result) func(*victim) func() result {
		return func(v *victim) func() result {
			e := must(shm.NewEvent(v.seg, "e"))
			return func() result { return do(e) }
		}
	}
	set := on(func(e *shm.Event) result { e.Set(); return did() })
	wait := on(waitForSet)
	return []operation{
		{name: "Event Set", victim: set, play: eventScene{want: true}.play, lets: true, changes: true},
		{name: "Event Set, another sleeps", victim: set, play: eventScene{want: true, other: true}.play, lets: true, changes: true,
			other: func(seg *shm.Segment) func() result {
				e := must(shm.NewEvent(seg, "e"))
				return func() result { return waitForSet(e) }
			}},
		{name: "Event Clear", victim: on(func(e *shm.Event) result { e.Clear(); return did() }), play: eventScene{}.play, lets: true},
		{name: "Event IsSet", victim: on(func(e *shm.Event) result { return did(truth(e.IsSet())...) }), play: eventScene{keeps: true, want: true}.play},
		{name: "Event Wait", victim: wait, play: eventScene{keeps: true, want: true}.play},
		{name: "Event Wait, sleeping", victim: wait, play: eventScene{keeps: true, waits: true}.play},
		{name: "Event Wait, sleeping, cleared at once", victim: wait, play: eventScene{keeps: true, waits: true, clears: true}.play},
	}
}

func waitForSet(e *shm.Event) result { return failed(e.Wait(context.Background())) }

// eventScene is what goes on around an operation of an Event.
type eventScene struct {
	want   bool // it is set after the operation
	keeps  bool // and before
	other  bool // the other process sleeps until it is set
	waits  bool // the operation waits until the test sets it
	clears bool // which clears it at once
}

func (c eventScene) play(s *stage) scene {
	e := must(shm.NewEvent(s.seg, "e"))
	put := func(set bool) {
		if set {
			e.Set()
		} else {
			e.Clear()
		}
		if e.IsSet() != set {
			s.fatalf("set: %v, want %v", !set, set)
		}
	}
	sc := scene{
		wakes: c.other,
		ready: func() { put(c.keeps && c.want || !c.keeps && !c.want) },
		set: func() {
			if c.other {
				s.begin()
			}
		},
		paused: func() func() {
			if !c.other { // who is to be woken by the victim only
				was := e.IsSet()
				put(!was)
				s.bounded("Wait of what is set meanwhile", func(ctx context.Context) error { e.Set(); return e.Wait(ctx) })
				put(was)
			}
			return nil
		},
		check: func(o outcome) {
			s.must("the victim's operation", o.err)
			if o.ended && len(o.values) > 0 && o.values[0] != 1 {
				s.fatalf("IsSet of what is set: %v", o.values)
			}
			if set := e.IsSet(); set != c.want && !c.waits && (o.ended || c.keeps) {
				s.fatalf("set: %v, want %v", set, c.want)
			}
			if c.other {
				e.Set()
				s.must("the other process", s.finish().err)
			}
			put(false)
			put(true)
			s.bounded("Wait", e.Wait)
		},
	}
	if c.waits {
		sc.asleep = func() {
			e.Set()
			if c.clears {
				e.Clear()
			}
		}
	}
	return sc
}
