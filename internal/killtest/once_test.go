//go:build linux && (amd64 || arm64) && !isthmus_nofutex

package killtest_test

import (
	"context"
	"errors"

	"github.com/isthmus-go/isthmus/internal/killtest"
	"github.com/isthmus-go/isthmus/shm"
)

var errTry = errors.New("f fails")

// onces are the operations of a Once.
func onces() []operation {
	// run returns whether f was called, which calls mark.
	run := func(seg *shm.Segment, mark func()) func() result {
		o := must(shm.NewOnce(seg, "o"))
		return func() result {
			called := uint64(0)
			err := o.Do(context.Background(), func() error { called = 1; mark(); return nil })
			return failed(err, called)
		}
	}
	do := func(v *victim) func() result { return run(v.seg, func() {}) }
	return []operation{
		{name: "Once Do", victim: do, play: onceScene{}.play, changes: true},
		{name: "Once Do, another sleeps", play: onceScene{other: true}.play, changes: true, inside: true,
			victim: func(v *victim) func() result { return run(v.seg, killtest.Mark) },
			other:  func(seg *shm.Segment) func() result { return run(seg, func() {}) }},
		{name: "Once Do, f fails", play: onceScene{fails: true}.play, changes: true, victim: func(v *victim) func() result {
			o := must(shm.NewOnce(v.seg, "o"))
			return func() result {
				if err := o.Do(context.Background(), func() error { return errTry }); !errors.Is(err, errTry) {
					return failed(err, 0)
				}
				return did(1)
			}
		}},
		{name: "Once Do, sleeping", victim: do, play: onceScene{held: true}.play, changes: true},
		{name: "Once Do, sleeping for an f that fails", victim: do, play: onceScene{held: true, result: errTry}.play, changes: true},
		{name: "Once Do, executor dead", victim: do, play: onceScene{dead: true}.play, changes: true},
		{name: "Once Do, done", victim: do, play: onceScene{done: true}.play},
	}
}

// onceScene is what goes on around an operation of a Once.
type onceScene struct {
	fails  bool  // the victim's f does
	held   bool  // the test is inside its f until the victim sleeps
	result error // and that is what this f returns
	other  bool  // the other process sleeps
	dead   bool  // somebody died inside before
	done   bool  // it was done before
}

func (c onceScene) play(s *stage) scene {
	o := must(shm.NewOnce(s.seg, "o"))
	never := func() error { s.fatalf("f is called of what is done"); return nil }
	owner := func() uint64 { return s.wide("o", 0) & (1<<38 - 1) }
	var (
		give    = func() {}
		mine    = false // the test has done it
		victims bool    // the victim was the executor as it was killed
		done    bool    // it was done then
	)
	return scene{
		wakes: c.other,
		ready: func() {
			clear(s.memory("o")[:8]) // undone again
			switch {
			case c.done:
				s.must("Do", o.Do(context.Background(), func() error { return nil }))
			case c.dead:
				dead := must(shm.Open(segmentName, s.opts))
				inside, leave, left := make(chan bool), make(chan bool), make(chan bool)
				go func() {
					defer close(left)
					_ = must(shm.NewOnce(dead, "o")).Do(context.Background(), func() error { close(inside); <-leave; return nil })
				}()
				<-inside
				s.must("close", dead.Close())
				close(leave)
				<-left
			case c.held:
				inside, leave := make(chan bool), make(chan bool)
				left := s.background("Do", func() {
					_ = o.Do(context.Background(), func() error { close(inside); <-leave; return c.result })
				})
				<-inside
				give = func() {
					give = func() {}
					close(leave)
					left(patience)
				}
			}
		},
		set: func() {
			if c.other {
				s.begin()
			}
		},
		asleep: func() { give() },
		paused: func() func() {
			switch {
			case o.Done():
				s.must("Do", o.Do(context.Background(), never))
			case owner() != 0 && owner() == s.victimID():
				ctx, cancel := context.WithTimeout(context.Background(), 2*slice)
				defer cancel()
				s.is("Do while the paused one runs its f", o.Do(ctx, never), context.DeadlineExceeded)
			case !c.held && !c.other:
				mine = true
				s.bounded("Do", func(ctx context.Context) error { return o.Do(ctx, func() error { return nil }) })
			}
			return func() { give() }
		},
		dying: func() {
			victims = owner() == s.victimID()
			done = o.Done()
		},
		check: func(o1 outcome) {
			s.must("the victim's Do", o1.err)
			give()
			if o1.ended {
				called := o1.values[0] == 1
				want := !c.done && !mine && (!c.held || c.result != nil)
				if called != want && !(mine && c.fails) {
					s.fatalf("f was called: %v, want %v", called, want)
				}
				// Do returns the error of f also if the Segment was closed under f.
				if victims && !(c.fails && s.fate == shut) || done == (c.fails && !mine) {
					s.fatalf("Do has ended, it is done: %v, running: %v", done, victims)
				}
			}
			if c.other {
				s.must("the other process", s.finish().err)
			}
			called := false
			s.bounded("Do", func(ctx context.Context) error {
				return o.Do(ctx, func() error { called = true; return nil })
			})
			if called && (done || c.other || c.held && c.result == nil) || !o.Done() {
				s.fatalf("f was called: %v, it was done: %v, and is: %v", called, done, o.Done())
			}
			if died := c.dead || victims; o.OwnerDied() != died {
				s.fatalf("a death inside: %v, want %v", o.OwnerDied(), died)
			}
			s.must("Do", o.Do(context.Background(), never))
		},
	}
}
