package shm_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"testing"
	"time"

	"github.com/isthmus-go/isthmus/internal/mapping"
	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/internal/proctest/shared"
	"github.com/isthmus-go/isthmus/shm"
)

func newEvent(t proctest.Fataler, seg *shm.Segment, name string) *shm.Event {
	t.Helper()
	return proctest.Must(shm.NewEvent(seg, name))(t)
}

// forever waits for an Event without an end of its own.
func forever(e *shm.Event) <-chan error {
	return proctest.Go(func() error { return e.Wait(context.Background()) })
}

func TestEventIsSet(t *testing.T) {
	s := shared.Named(t)
	e, other := newEvent(t, s.Segment, "e"), newEvent(t, s.Another(t), "e")
	if newEvent(t, s.Segment, "e") != e || e == other {
		t.Error("an Event is one on one Segment, and another on another")
	}
	for _, step := range []struct {
		do   func()
		want bool
	}{
		{func() {}, false}, {e.Clear, false}, {e.Set, true}, {other.Set, true}, {e.Clear, false}, {other.Clear, false}, {other.Set, true},
	} {
		step.do()
		if e.IsSet() != step.want || other.IsSet() != step.want {
			t.Errorf("set: %v and %v, expected %v", e.IsSet(), other.IsSet(), step.want)
		}
	}
}

// TestEventTimeout waits for a time only.
func TestEventTimeout(t *testing.T) {
	e := newEvent(t, shared.Named(t).Segment, "e")
	wait := func(limit time.Duration) error {
		ctx, cancel := context.WithTimeout(context.Background(), limit)
		defer cancel()
		return e.Wait(ctx)
	}
	for _, limit := range []time.Duration{0, 10 * time.Millisecond} {
		proctest.WantError(t, "Wait", wait(limit), context.DeadlineExceeded, `event "e"`, shared.Name)
	}
	e.Set()
	for range 3 { // and stays so
		proctest.Check(t, wait(proctest.Timeout()))
	}
	e.Clear()
	proctest.WantError(t, "Wait", wait(10*time.Millisecond), context.DeadlineExceeded)
}

// TestEventWakesAll has each of many waiters of several processes see a Set twice: who
// waits again for what is set does not wait.
func TestEventWakesAll(t *testing.T) {
	s := shared.Named(t)
	e := newEvent(t, s.Segment, "e")
	others := []*shm.Event{e, newEvent(t, s.Another(t), "e"), newEvent(t, s.Another(t), "e")}
	for range 3 {
		var waiters []<-chan error
		for _, other := range others {
			for range 5 {
				waiters = append(waiters, proctest.Go(func() error {
					return errors.Join(other.Wait(context.Background()), other.Wait(context.Background()))
				}))
			}
		}
		proctest.Until(t, "somebody sleeps", e.Awaited)
		e.Set()
		for _, w := range waiters {
			proctest.Check(t, proctest.Result(t, w))
		}
		e.Clear()
	}
}

// TestEventSetAndClear has a Clear follow at once: who waited goes on all the same.
func TestEventSetAndClear(t *testing.T) {
	s := shared.Named(t)
	e := newEvent(t, s.Segment, "e")
	for _, other := range []*shm.Event{e, newEvent(t, s.Another(t), "e")} {
		for range proctest.Scaled(200) {
			waiter := forever(other)
			proctest.Until(t, "the waiter sleeps", e.Awaited)
			e.Set()
			e.Clear()
			proctest.Check(t, proctest.Result(t, waiter))
			if e.IsSet() {
				t.Fatal("set after Clear")
			}
		}
	}
}

// TestEventLateWaiter has one stand still before it sleeps, while the event is set and
// cleared, and another one comes: that one is not in the way.
func TestEventLateWaiter(t *testing.T) {
	e := newEvent(t, shared.Named(t).Segment, "e")
	word := e.Word()
	e.Set()
	e.Clear()
	other := forever(e)
	proctest.Until(t, "the other sleeps", e.Awaited)
	late := proctest.Go(func() error { return e.SetSince(context.Background(), word) })
	proctest.Check(t, proctest.Result(t, late))
	e.Set()
	proctest.Check(t, proctest.Result(t, other))
}

// TestEventWraps has the generation go round.
func TestEventWraps(t *testing.T) {
	e := newEvent(t, shared.Named(t).Segment, "e")
	e.SetGeneration(1<<63 - 2)
	for range 4 {
		waiter := forever(e)
		proctest.Until(t, "the waiter sleeps", e.Awaited)
		e.Set()
		proctest.Check(t, proctest.Result(t, waiter))
		if !e.IsSet() {
			t.Error("clear after Set")
		}
		e.Clear()
	}
}

// An event helper waits for the event "there", and sets "back", in turns with the test.
var _ = proctest.Register("event", func(c *proctest.Child) {
	seg := shared.Open(c)
	there, back := newEvent(c, seg, "there"), newEvent(c, seg, "back")
	for range eventRounds {
		c.Check(there.Wait(context.Background()))
		there.Clear()
		back.Set()
	}
	c.Check(seg.Close())
})

const eventRounds = 2000

// TestEventChild has a process answer. No wake-up is lost: sleeps are long here.
func TestEventChild(t *testing.T) {
	shared.Each(t, func(t *testing.T, s shared.Segment) {
		there, back := newEvent(t, s.Segment, "there"), newEvent(t, s.Segment, "back")
		p := s.Start(t, "event")
		for range eventRounds {
			there.Set()
			proctest.Check(t, proctest.Result(t, forever(back)))
			back.Clear()
			if there.IsSet() {
				t.Fatal("set after Clear")
			}
		}
		p.Wait()
	})
}

// TestEventWaitEnds has Wait end without a Set: by its context, and by Close.
func TestEventWaitEnds(t *testing.T) {
	for _, generation := range []uint64{0, 7} { // closed, the word is 0
		t.Run(fmt.Sprint(generation), func(t *testing.T) {
			proctest.Mortal(t)
			s := shared.Named(t)
			seg := s.Another(t)
			e := newEvent(t, seg, "e")
			e.SetGeneration(generation)
			var none context.Context
			if err := e.Wait(none); !errors.Is(err, fs.ErrInvalid) {
				t.Errorf("a nil context: %v", err)
			}
			ctx, cancel := context.WithCancel(context.Background())
			cancelled := proctest.Go(func() error { return e.Wait(ctx) })
			waits := forever(e)
			proctest.Until(t, "somebody sleeps", e.Awaited)
			cancel()
			proctest.WantError(t, "cancelled", proctest.Result(t, cancelled), context.Canceled, `event "e"`, shared.Name)
			e.Clear() // changes nothing
			select {
			case err := <-waits:
				t.Errorf("Wait ended with %v", err)
			default:
			}
			start := time.Now()
			seg.Close()
			wantClosed(t, "Wait", proctest.Result(t, waits), `event "e"`)
			proctest.Prompt(t, "told", start)
			for range 2 {
				for name, call := range map[string]func(){"Set": e.Set, "Clear": e.Clear, "IsSet": func() { e.IsSet() }} {
					wantClosed(t, name, proctest.PanicOf(call), `event "e"`)
				}
				wantClosed(t, "Wait", e.Wait(context.Background()), `event "e"`)
			}
			_, err := shm.NewEvent(seg, "e")
			wantClosed(t, "NewEvent", err, `event "e"`)
			if mapping.Severs() && newEvent(t, s.Segment, "e").IsSet() {
				t.Error("set through a closed Segment")
			}
		})
	}
}

var _ = proctest.Register("silent setter", func(c *proctest.Child) {
	newEvent(c, shared.Open(c), "e").SetSilently()
	c.Send("there")
	c.Recv()
})

// TestEventKilledBeforeWake kills a process between its Set and its wake.
func TestEventKilledBeforeWake(t *testing.T) {
	proctest.Mortal(t)
	s := shared.Named(t)
	e := newEvent(t, s.Segment, "e")
	waiter := forever(e)
	proctest.Until(t, "somebody sleeps", e.Awaited)
	p := s.Start(t, "silent setter")
	p.Expect("there")
	start := time.Now()
	p.Kill()
	proctest.Check(t, proctest.Result(t, waiter))
	proctest.Prompt(t, "told", start)
}

// TestEventCloseUnderLoad closes a Segment in the middle of everything.
func TestEventCloseUnderLoad(t *testing.T) {
	proctest.Mortal(t)
	s := shared.Named(t)
	for range 5 {
		seg := s.Another(t)
		e := newEvent(t, seg, "e")
		shared.CloseUnder(t, seg, e.Set, e.Clear, func() { e.IsSet() }, func() {
			if err := e.Wait(context.Background()); err != nil {
				panic(err)
			}
		})
	}
}
