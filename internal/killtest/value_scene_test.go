//go:build linux && (amd64 || arm64) && !isthmus_nofutex

package killtest_test

import (
	"context"
	"time"

	"github.com/isthmus-go/isthmus/shm"
)

// valueScene is what goes on around a write.
type valueScene struct {
	large bool
	entry bool // of a Table, instead of a Value
	held  bool // the test is inside an Update until the victim sleeps
	dead  bool // somebody died in a write before
	adds  bool // the operation counts up by one, whatever the value is
	cas   bool // the operation changes the value only if nobody has
	other bool // the other process sleeps for its turn, and counts up as well
	waits bool // the other process sleeps for another version
}

func (c valueScene) number(s *stage) number {
	switch {
	case c.entry:
		return number{s: s, large: newEntry(s.seg), owner: entryOwner}
	case c.large:
		return number{s: s, large: must(shm.NewValue[big](s.seg, "v"))}
	}
	return number{s: s, small: must(shm.NewValue[uint64](s.seg, "v"))}
}

func (c valueScene) play(s *stage) scene {
	n := c.number(s)
	from, to := initial(s.round), changed(s.round)
	const step = 16 // what the test itself adds
	var added uint64
	var leave chan bool
	var left func(time.Duration) bool
	give := func() {
		if leave != nil {
			close(leave)
			leave = nil
			left(patience)
		}
	}
	enter := func() {
		leave = make(chan bool)
		inside, wait := make(chan bool), leave
		left = s.background("Update", func() {
			n.large.Update(func(b big) big { close(inside); <-wait; return b })
		})
		<-inside
	}
	return scene{
		wakes: c.other || c.waits,
		ready: func() {
			n.store(from)
			if c.dead {
				c.dieInside(s)
			}
			if c.held {
				enter()
			}
		},
		set: func() {
			if c.other || c.waits {
				s.begin()
			}
		},
		asleep: give,
		paused: func() func() {
			if x := n.load(); x != from && x != to && !(c.other && x == to+1) {
				s.fatalf("while the victim is paused, the value is %x", x)
			}
			if owner := n.writer(); c.dead && owner != 0 && owner != s.victimID() {
				enter() // takes over from the dead, before the victim does
			}
			if c.held || c.other || c.dead {
				return give
			}
			added = step
			owner := n.writer()
			done := s.background("Update while the victim is paused", func() { n.add(step) })
			if owner != 0 && done(2*slice) {
				s.fatalf("robbed of the writers' lock")
			}
			if owner == 0 {
				done(patience)
				return nil
			}
			return func() { done(patience) }
		},
		check: func(o outcome) {
			s.must("the victim's operation", o.err)
			give()
			if c.other {
				s.must("the other process", s.finish().err)
				added = 1
			}
			x := n.load()
			ok := x == from+added || x == to+added
			switch {
			case c.adds && o.ended:
				ok = x == to+added
			case c.cas && o.ended && o.values[0] == 0:
				ok = added != 0 && x == from+added
			case o.ended:
				ok = x == to+added || added != 0 && x == to // stored after the test's
			}
			if !o.ended && c.other {
				ok = x == from+1 || x == from+2
			}
			if c.waits {
				if x == from {
					n.add(step)
					added += step
					x += step
				}
				r := s.finish()
				s.must("the other process", r.err)
				if got := r.values[0]; got != to && got != from+step && got != to+step {
					s.fatalf("the other process waited for another value than %x, and got %x", from, got)
				}
			}
			if !ok {
				s.fatalf("the value was %x, then %x, and the test has added %x: it is %x", from, to, added, x)
			}
			s.bounded("Update", func(context.Context) error { n.add(1); return nil })
			if n.load() != x+1 {
				s.fatalf("%x + 1 = %x", x, n.load())
			}
		},
	}
}

// dieInside leaves the writers' lock to a dead owner, as a death inside does.
func (c valueScene) dieInside(s *stage) {
	dead := must(shm.Open(segmentName, s.opts))
	var v writable
	if c.entry {
		v = newEntry(dead)
	} else {
		v = must(shm.NewValue[big](dead, "v"))
	}
	entered, leave, left := make(chan bool), make(chan bool), make(chan bool)
	go func() {
		defer close(left)
		defer func() { recover() }() // it ends with the segment closed
		v.Update(func(big) big { close(entered); <-leave; return big{} })
	}()
	<-entered
	s.must("close", dead.Close())
	close(leave)
	<-left
}

func arrayScene(s *stage) scene {
	a := must(shm.NewArray[uint8](s.seg, "a", 8))
	var before uint8
	var neighbours uint8
	return scene{
		ready: func() { before = a.Load(1) },
		paused: func() func() {
			neighbours++
			for _, i := range []int{0, 2, 3} {
				shm.AddAt(a, i, 1)
			}
			return nil
		},
		check: func(o outcome) {
			s.must("the victim's AddAt", o.err)
			if got := a.Load(1); got != before+1 && (o.ended || got != before) {
				s.fatalf("element 1 was %d and is %d", before, got)
			}
			for _, i := range []int{0, 2, 3} {
				if got := a.Load(i); got != neighbours {
					s.fatalf("element %d is %d, want %d", i, got, neighbours)
				}
				a.Store(i, 0)
			}
		},
	}
}
