//go:build linux && (amd64 || arm64) && !isthmus_nofutex

package killtest_test

import (
	"context"
	"fmt"
	"time"

	"github.com/isthmus-go/isthmus/internal/killtest"
	"github.com/isthmus-go/isthmus/shm"
)

// big is too large for an atomic word. All its elements tell the same number.
type big [9]uint64

func bigOf(n uint64) (b big) {
	for i := range b {
		b[i] = n + uint64(i)
	}
	return b
}

// values are the operations of a Value, and of an Array's small elements. Every
// one of them makes initial(round) changed(round).
func values() []operation {
	large := func(name string, c valueScene, do func(v *shm.Value[big], from, to big) []uint64) operation {
		c.large = true
		op := operation{name: "Value, large, " + name, play: c.play, after: dead}
		op.victim = func(v *victim) func() result {
			x := must(shm.NewValue[big](v.seg, "v"))
			from, to := bigOf(initial(v.round)), bigOf(changed(v.round))
			return func() result { return did(do(x, from, to)...) }
		}
		if c.waits {
			op.other = func(seg *shm.Segment) func() result { return waitFor(must(shm.NewValue[big](seg, "v"))) }
		}
		if c.other {
			op.inside = true
			op.other = func(seg *shm.Segment) func() result {
				x := must(shm.NewValue[big](seg, "v"))
				return func() result { x.Update(countUp); return did() }
			}
		}
		return op
	}
	small := func(name string, c valueScene, do func(v *shm.Value[uint64], from, to uint64) []uint64) operation {
		op := operation{name: "Value, small, " + name, play: c.play}
		op.victim = func(v *victim) func() result {
			x := must(shm.NewValue[uint64](v.seg, "v"))
			from, to := initial(v.round), changed(v.round)
			return func() result { return did(do(x, from, to)...) }
		}
		if c.waits {
			op.other = func(seg *shm.Segment) func() result {
				x := must(shm.NewValue[uint64](seg, "v"))
				return func() result {
					_, version := x.LoadVersion()
					now, _, err := x.Wait(context.Background(), version)
					return failed(err, now)
				}
			}
		}
		return op
	}
	store := func(v *shm.Value[big], _, to big) []uint64 { v.Store(to); return nil }
	return []operation{
		large("Store", valueScene{}, store),
		large("Store, sleeping", valueScene{held: true}, store),
		large("Store, writer dead", valueScene{dead: true}, store),
		large("Store, another waits", valueScene{waits: true}, store),
		large("Swap", valueScene{}, func(v *shm.Value[big], _, to big) []uint64 { old := v.Swap(to); return old[:1] }),
		large("CompareAndSwap", valueScene{cas: true}, func(v *shm.Value[big], from, to big) []uint64 {
			return truth(v.CompareAndSwap(from, to))
		}),
		large("Update", valueScene{adds: true}, func(v *shm.Value[big], _, _ big) []uint64 {
			v.Update(countUp)
			return nil
		}),
		large("Update, another sleeps", valueScene{adds: true, other: true}, func(v *shm.Value[big], _, _ big) []uint64 {
			v.Update(func(b big) big { killtest.Mark(); return countUp(b) })
			return nil
		}),
		small("Store", valueScene{}, func(v *shm.Value[uint64], _, to uint64) []uint64 { v.Store(to); return nil }),
		small("Store, another waits", valueScene{waits: true}, func(v *shm.Value[uint64], _, to uint64) []uint64 { v.Store(to); return nil }),
		small("Swap", valueScene{}, func(v *shm.Value[uint64], _, to uint64) []uint64 { return []uint64{v.Swap(to)} }),
		small("CompareAndSwap", valueScene{cas: true}, func(v *shm.Value[uint64], from, to uint64) []uint64 {
			return truth(v.CompareAndSwap(from, to))
		}),
		small("Add", valueScene{adds: true}, func(v *shm.Value[uint64], from, to uint64) []uint64 { return []uint64{shm.Add(v, to-from)} }),
		small("Update", valueScene{adds: true}, func(v *shm.Value[uint64], from, to uint64) []uint64 {
			v.Update(func(x uint64) uint64 { return x + to - from })
			return nil
		}),
		{name: "Array, AddAt of a byte", play: arrayScene, victim: func(v *victim) func() result {
			a := must(shm.NewArray[uint8](v.seg, "a", 8))
			return func() result { shm.AddAt(a, 1, 1); return did() }
		}},
	}
}

func initial(round uint64) uint64 { return round << 8 }
func changed(round uint64) uint64 { return round<<8 + 1 }

// countUp is what an Update does. It is never given what nobody has stored, such as the
// pages that Close puts in the memory's place.
func countUp(b big) big {
	if b != bigOf(b[0]) {
		panic(fmt.Sprintf("updates what nobody has stored: %x", b))
	}
	return bigOf(b[0] + 1)
}

// number is a Value of either size, or an entry of a Table, as the test sees it.
type number struct {
	s     *stage
	small *shm.Value[uint64]
	large writable
	owner int // where the writers' lock of a large one is
}

// writable is a large Value, or an entry.
type writable interface {
	Load() big
	Store(big)
	Update(func(big) big) big
	Wait(ctx context.Context, version uint64) (big, uint64, error)
	LoadVersion() (big, uint64)
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

// load returns the number, which has to be whole.
func (n number) load() uint64 {
	n.s.Helper()
	if n.small != nil {
		return n.small.Load()
	}
	b := n.large.Load()
	if b != bigOf(b[0]) {
		n.s.fatalf("torn value %x", b)
	}
	return b[0]
}

func (n number) store(x uint64) {
	if n.small != nil {
		n.small.Store(x)
	} else {
		n.large.Store(bigOf(x))
	}
}

func (n number) add(delta uint64) {
	if n.small != nil {
		n.small.Update(func(x uint64) uint64 { return x + delta })
	} else {
		n.large.Update(func(b big) big { return bigOf(b[0] + delta) })
	}
}

// writer returns who has the writers' lock.
func (n number) writer() uint64 {
	if n.small != nil {
		return 0
	}
	return n.s.wide("v", n.owner) & ownerMask
}

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
