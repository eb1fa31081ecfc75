//go:build linux && (amd64 || arm64) && !isthmus_nofutex

package killtest_test

import (
	"context"
	"errors"
	"slices"

	"github.com/isthmus-go/isthmus/ring"
	"github.com/isthmus-go/isthmus/shm"
)

// casts are the operations of a Broadcast, at both ends.
func casts() (ops []operation) {
	background := context.Background()
	for _, name := range []string{"Broadcast", "lossless Broadcast"} {
		lossless := name != "Broadcast"
		add := func(what string, c castScene, prepare func(v *victim, b *ring.Broadcast[message]) func() result) {
			c.lossless = lossless
			op := operation{name: name + " " + what, fresh: true, play: c.play, changes: true}
			if c.dead {
				op.after = dead
			}
			op.victim = func(v *victim) func() result { return prepare(v, newCast(v.seg, lossless)) }
			if c.other {
				op.other = func(seg *shm.Segment) func() result { return c.others(newCast(seg, lossless)) }
			}
			ops = append(ops, op)
		}
		push := func(do func(v *victim, p *ring.Producer[message]) result) func(*victim, *ring.Broadcast[message]) func() result {
			return func(v *victim, b *ring.Broadcast[message]) func() result {
				p := must(b.Producer())
				return func() result { return do(v, p) }
			}
		}
		pop := func(do func(s *ring.Subscriber[message]) result) func(*victim, *ring.Broadcast[message]) func() result {
			return func(v *victim, b *ring.Broadcast[message]) func() result {
				s := must(b.Subscribe(ring.FromNow))
				return func() result { return do(s) }
			}
		}
		one := push(func(v *victim, p *ring.Producer[message]) result {
			return failed(p.Push(background, messages.Make(v.message(0))))
		})
		add("Push", castScene{pushes: 1, prefill: 2}, one)
		add("Push, another sleeps", castScene{pushes: 1, other: true}, one)
		add("PushAll", castScene{pushes: 2, prefill: 2}, push(func(v *victim, p *ring.Producer[message]) result {
			n, err := p.PushAll(background, []message{messages.Make(v.message(0)), messages.Make(v.message(1))})
			return failed(err, uint64(n))
		}))
		add("Reserve, Commit", castScene{pushes: 1, prefill: slots - 1}, push(func(v *victim, p *ring.Producer[message]) result {
			m, err := p.Reserve(background)
			if err != nil {
				return failed(err)
			}
			*m = messages.Make(v.message(0))
			return failed(p.Commit())
		}))
		add("claim of the producer", castScene{pushes: -1, prefill: 2}, func(v *victim, b *ring.Broadcast[message]) func() result {
			return func() result { _, err := b.Producer(); return failed(err) }
		})
		add("TryPop", castScene{prefill: 3}, pop(func(s *ring.Subscriber[message]) result {
			m, err := s.TryPop()
			return popped(err, m)
		}))
		add("Pop, sleeping", castScene{waits: true}, pop(func(s *ring.Subscriber[message]) result {
			m, err := s.Pop(background)
			return popped(err, m)
		}))
		add("PopInto", castScene{prefill: 3}, pop(func(s *ring.Subscriber[message]) result {
			ms := make([]message, 3)
			n, err := s.PopInto(background, ms)
			return popped(err, ms[:n]...)
		}))
		add("Subscribe, TryPop", castScene{prefill: 3, joins: true}, func(v *victim, b *ring.Broadcast[message]) func() result {
			return func() result {
				s, err := b.Subscribe(ring.FromOldest)
				if err != nil {
					return failed(err)
				}
				m, err := s.TryPop()
				return popped(err, m)
			}
		})
		add("Detach", castScene{prefill: 3}, pop(func(s *ring.Subscriber[message]) result { return failed(s.Detach()) }))
		if !lossless {
			add("TryPop, lapped", castScene{prefill: 2 * slots}, pop(func(s *ring.Subscriber[message]) result {
				m, err := s.TryPop()
				return popped(err, m)
			}))
			continue
		}
		add("Push, sleeping", castScene{pushes: 1, prefill: slots, full: true}, one)
		add("Push, a subscriber dead", castScene{pushes: 1, prefill: slots, full: true, dead: true}, one)
		add("Pop, another sleeps", castScene{prefill: slots, other: true, producing: true}, pop(func(s *ring.Subscriber[message]) result {
			m, err := s.Pop(background)
			return popped(err, m)
		}))
		add("Pop, evicted", castScene{prefill: 3, evicted: true}, pop(func(s *ring.Subscriber[message]) result {
			m, err := s.Pop(background)
			return popped(err, m)
		}))
		// The line that it takes has the place of one who has left, a lap behind.
		add("Subscribe, another sleeps", castScene{prefill: slots, joins: true, left: true, other: true, producing: true},
			func(v *victim, b *ring.Broadcast[message]) func() result {
				return func() result { _, err := b.Subscribe(ring.FromNow); return failed(err) }
			})
		add("Evict", castScene{prefill: slots, evicts: true}, func(v *victim, b *ring.Broadcast[message]) func() result {
			return func() result {
				return failed(b.Evict(slowest(b))) // who has popped nothing
			}
		})
	}
	codes["lapped"] = ring.ErrLapped
	codes["evicted"] = ring.ErrEvicted
	return ops
}

func newCast(seg *shm.Segment, lossless bool) *ring.Broadcast[message] {
	if lossless {
		return must(ring.NewBroadcast[message](seg, "b", slots, ring.Lossless))
	}
	return must(ring.NewBroadcast[message](seg, "b", slots))
}

// slowest returns the subscriber that is behind most.
func slowest(b *ring.Broadcast[message]) (slow ring.SubscriberID) {
	most := -1
	for id, n := range must(b.Subscribers()) {
		if n > most {
			most, slow = n, id
		}
	}
	return slow
}

// popped is the result of a pop: the numbers, if the messages are whole.
func popped(err error, ms ...message) result {
	if err != nil {
		return failed(err)
	}
	var ns []uint64
	for _, m := range ms {
		if m != messages.Make(m.N) {
			return failed(errors.New("torn"))
		}
		ns = append(ns, m.N)
	}
	return did(ns...)
}

// castScene is what goes on around an operation of a Broadcast.
type castScene struct {
	lossless  bool
	pushes    int  // messages that the victim pushes; 0 if it is no producer, -1 if it claims the role
	prefill   int  // messages in the ring before
	waits     bool // the victim waits for a message
	full      bool // the victim waits until the test pops, or finds that somebody is dead
	dead      bool // who has not popped is
	joins     bool // the victim subscribes
	left      bool // the ring is full for one who has left before that; the other process comes in the middle
	evicted   bool // the victim was
	evicts    bool // the victim evicts a subscriber of the test's
	other     bool // the other process sleeps in a pop
	producing bool // or rather in a push
}

// others is what the other process does.
func (c castScene) others(b *ring.Broadcast[message]) func() result {
	return func() result {
		if c.producing {
			p := must(b.Producer())
			return failed(errors.Join(p.Push(context.Background(), messages.Make(others)), p.Detach()))
		}
		s := must(b.Subscribe(ring.FromNow))
		m, err := s.Pop(context.Background())
		return popped(errors.Join(err, s.Detach()), m)
	}
}

func (c castScene) play(s *stage) scene {
	b := newCast(s.seg, c.lossless)
	me := must(b.Subscribe(ring.FromNow)) // sees all messages
	var slow *ring.Subscriber[message]
	begun := false        // the other process sleeps
	var gone *shm.Segment // of somebody who dies
	var pushed, got []uint64
	var mine *ring.Producer[message] // if the victim is no producer
	push := func(p *ring.Producer[message]) {
		s.Helper()
		n := messageOf(s.round, 128+len(pushed))
		s.bounded("Push", func(ctx context.Context) error { return p.Push(ctx, messages.Make(n)) })
		pushed = append(pushed, n)
	}
	pop := func() error {
		s.Helper()
		m, err := me.TryPop()
		if err == nil {
			r := popped(nil, m)
			s.must("TryPop", r.err)
			got = append(got, r.values...)
		} else if !errors.Is(err, ring.ErrEmpty) {
			s.must("TryPop", err)
		}
		return err
	}
	prefill := func(p *ring.Producer[message]) {
		for range c.prefill {
			push(p)
			if !c.full || c.dead {
				s.must("TryPop", pop())
			}
		}
	}
	begin := func() {
		s.Helper()
		begun = true
		s.begin()
	}
	// meet has the other process wait, if the victim seems to be behind.
	meet := func() {
		s.Helper()
		p := must(b.Producer())
		n := messageOf(s.round, 128+len(pushed))
		err := p.TryPush(messages.Make(n))
		s.must("Detach", p.Detach())
		if errors.Is(err, ring.ErrFull) {
			begin()
			return
		}
		s.must("TryPush", err)
		pushed = append(pushed, n)
		pop()
	}
	return scene{
		wakes: c.other,
		ready: func() {
			if c.left {
				slow = must(b.Subscribe(ring.FromNow))
			}
			if c.evicts {
				slow = must(b.Subscribe(ring.FromNow))
			}
			if c.dead {
				gone = must(shm.Open(segmentName, s.opts))
				must(newCast(gone, true).Subscribe(ring.FromNow))
			}
			p := must(b.Producer())
			if c.pushes != 0 || c.joins || c.evicts {
				prefill(p)
			}
			if c.left {
				s.must("Detach", slow.Detach())
			}
			if c.dead {
				s.must("close", gone.Close())
			}
			if c.pushes != 0 || c.producing {
				s.must("Detach", p.Detach())
			} else {
				mine = p
			}
		},
		set: func() {
			if c.pushes == 0 && !c.joins && !c.evicts {
				p := mine
				if c.producing {
					p = must(b.Producer())
				}
				prefill(p)
				if c.producing {
					s.must("Detach", p.Detach())
				}
			}
			if c.evicted {
				s.must("Evict", b.Evict(slowest(b)))
			}
			if c.other && !c.left {
				begin()
			}
		},
		asleep: func() {
			switch {
			case c.waits && len(pushed) == 0:
				push(mine)
			case c.full && !c.dead:
				pop()
			}
		},
		paused: func() func() {
			if c.pushes > 0 {
				_, err := b.Producer()
				s.is("claim the role of a paused producer", err, ring.ErrRoleTaken)
				pop()
				return nil
			}
			if c.left {
				meet()
			}
			for i := 0; mine != nil && i < 2*slots; i++ { // come round to what the victim may be reading
				n := messageOf(s.round, 128+len(pushed))
				err := mine.TryPush(messages.Make(n))
				if c.lossless && errors.Is(err, ring.ErrFull) {
					break
				}
				s.must("TryPush", err)
				pushed = append(pushed, n)
				pop()
			}
			return nil
		},
		dying: func() {
			if c.left && !begun {
				meet()
			}
		},
		check: func(o outcome) {
			c.result(s, o, pushed)
			finish := func() {
				if begun {
					r := s.finish()
					if c.lossless || !errors.Is(r.err, ring.ErrLapped) {
						s.must("the other process", r.err)
					}
				}
			}
			if c.producing || s.gentle {
				finish()
			}
			p := mine
			if p == nil {
				p = must(b.Producer())
			}
			if c.evicts && !o.ended {
				b.Evict(slow.ID()) // unless the victim has
			}
			if c.evicts {
				_, err := slow.TryPop()
				s.is("a pop of who was evicted", err, ring.ErrEvicted)
			}
			for pop() == nil {
			}
			for range 3 * slots { // nobody is in the way
				push(p)
				for pop() == nil {
				}
			}
			if !c.producing && !s.gentle {
				finish()
			}
			c.whole(s, o, pushed, got)
		},
	}
}

// result checks what the victim's operation says.
func (c castScene) result(s *stage, o outcome, pushed []uint64) {
	s.Helper()
	switch {
	case c.evicted && o.ended:
		s.is("the victim's pop", o.err, ring.ErrEvicted)
	case errors.Is(o.err, ring.ErrLapped) && !c.lossless:
	default:
		s.must("the victim's operation", o.err)
		first := 0
		if c.joins && len(o.values) > 0 { // there may have been more before it joined
			first = max(slices.Index(pushed, o.values[0]), 0)
		}
		if c.pushes == 0 && len(o.values) > 0 && !slices.Equal(o.values, pushed[first:first+len(o.values)]) {
			s.fatalf("the victim has popped %x of %x", o.values, pushed)
		}
	}
}

// whole checks that all messages have come, in order, those of the victim, or the other
// process, in between: the first few.
func (c castScene) whole(s *stage, o outcome, pushed, got []uint64) {
	s.Helper()
	var victims, mine []uint64
	for _, n := range got {
		switch {
		case n == others && c.producing:
		case n&255 < 128:
			victims = append(victims, n)
		default:
			mine = append(mine, n)
		}
	}
	least := 0
	if o.ended {
		least = max(c.pushes, 0)
	}
	if len(o.values) > 0 && c.pushes > 0 {
		least = int(o.values[0])
	}
	for i, n := range victims {
		if n != messageOf(s.round, i) || i >= c.pushes {
			s.fatalf("of the victim came %x", victims)
		}
	}
	if !same(mine, pushed) || len(victims) < least {
		s.fatalf("pushed %x, and the victim at least %d, but there came %x", pushed, least, got)
	}
}
