package wait

import (
	"sync/atomic"
	"testing"
	"time"
)

// woken arms both Events of a Queue, calls f, and reports which of them f has woken.
func (w *world) woken(f func()) (behind, ahead bool) {
	q := &w.queues[0]
	before := [2]uint32{q.behind.arm(), q.ahead.arm()}
	f()
	after := [2]uint32{atomic.LoadUint32(&w.words.events[0]), atomic.LoadUint32(&w.words.events[1])}
	return after[0]/epoch != before[0]/epoch, after[1]/epoch != before[1]/epoch
}

// wants calls f, which has to wake just those.
func (w *world) wants(what string, behind, ahead bool, f func()) {
	w.t.Helper()
	if b, a := w.woken(f); b != behind || a != ahead {
		w.t.Errorf("%s has woken those behind: %v, ahead: %v; expected %v, %v", what, b, a, behind, ahead)
	}
}

func (w *world) set(o order)                { atomic.StoreUint64(&w.words.priority, uint64(o)) }
func (w *world) is(what string, want order) { w.t.Helper(); w.same(what, w.queues[0].load(), want) }
func (w *world) same(what string, got, want order) {
	w.t.Helper()
	if got != want {
		w.t.Errorf("%s: first %d, next %d, since %d, beat %d; expected %d, %d, %d, %d", what,
			got.first(), got.next(), got.since(), got.beat(), want.first(), want.next(), want.since(), want.beat())
	}
}

// TestWhoIsWoken gives something back: nobody is woken who is not served.
func TestWhoIsWoken(t *testing.T) {
	w := newWorld(t)
	if w.words.Waiting() {
		t.Error("somebody waits in a new Queue")
	}
	for i := range w.words.events {
		atomic.StoreUint32(&w.words.events[i], waiting)
		if !w.words.Waiting() {
			t.Errorf("nobody waits, and Event %d says so", i)
		}
		atomic.StoreUint32(&w.words.events[i], 0)
	}
	w.wants("Wake", true, false, func() { w.words.Wake(1) })
	for _, first := range []int{1, 4} {
		w.set(makeOrder(first, 0, 0, 0))
		if !w.words.Barred() {
			t.Errorf("%d is first, and nobody is barred", first)
		}
		w.wants("Wake of the first", false, true, func() { w.words.Wake(1) })
	}
	w.set(makeOrder(0, 0, 0, beatMask))
	if w.words.Barred() {
		t.Error("barred by nobody")
	}
	w.wants("WakeAll", true, true, w.queues[0].WakeAll)
}

// TestHandOverWakes has the first go, in all ways.
func TestHandOverWakes(t *testing.T) {
	for _, test := range []struct {
		shared, served bool
		next           int
		behind         bool
	}{
		{shared: true, served: true, behind: true},
		{shared: true, served: false, behind: true},
		{shared: false, served: true, behind: false},
		{shared: false, served: false, behind: true},
		{shared: true, served: true, next: 3},
		{shared: true, served: false, next: 3},
		{shared: false, served: true, next: 3},
		{shared: false, served: false, next: 3},
	} {
		w := newWorld(t)
		q := &w.queues[1]
		q.shared = test.shared
		was := makeOrder(2, test.next, 7, 9)
		w.set(was)
		w.wants("the first's end", test.behind, true, func() { (&claim{queue: q}).end(test.served) })
		w.is("after the first's end", makeOrder(test.next, 0, 0, 10))
		w.wants("a hand-over that comes too late", false, false, func() { q.handOver(was, test.served) })
		w.is("after a hand-over that came too late", makeOrder(test.next, 0, 0, 10))
	}
	w := newWorld(t)
	q := &w.queues[0]
	q.shared = false
	w.set(makeOrder(4, 0, 0, 0))
	w.dead[3] = true
	w.wants("DropStale", true, true, q.DropStale)
}

// TestApply has waiters ask for a place, one of which displaces another.
func TestApply(t *testing.T) {
	w := newWorld(t)
	claims := make([]claim, len(w.queues))
	apply := func(slot int, waited time.Duration, came uint64) bool {
		claims[slot] = claim{queue: &w.queues[slot], start: time.Now().Add(-waited), came: came}
		return claims[slot].apply()
	}
	sleeps := func(slot int, ahead bool) {
		t.Helper()
		if on := claims[slot].on(); (on[0] == &w.queues[slot].ahead) != ahead {
			t.Errorf("slot %d sleeps ahead: %v", slot, !ahead)
		}
	}
	w.set(makeOrder(0, 0, 0, 50))
	w.wants("one that is not hungry", false, false, func() {
		if apply(0, 0, 50) {
			t.Error("one that is not hungry is first")
		}
	})
	w.is("after that", makeOrder(0, 0, 0, 50))
	sleeps(0, false)
	w.wants("the first", false, false, func() {
		if !apply(0, 2*hunger, 50) {
			t.Error("the first is not first")
		}
	})
	w.is("after the first", makeOrder(1, 0, 0, 51))
	sleeps(0, true)
	w.set(makeOrder(1, 0, 0, 60))
	w.wants("the next", false, false, func() { apply(1, 2*hunger, 55) })
	w.is("after the next", makeOrder(1, 2, 55, 60))
	sleeps(1, true)
	w.wants("one that came at the same time", false, false, func() { apply(2, 2*hunger, 55) })
	w.is("after that one", makeOrder(1, 2, 55, 60))
	sleeps(2, false)
	w.wants("one that came before", false, true, func() { apply(3, 2*hunger, 54) })
	w.is("after that one", makeOrder(1, 4, 54, 60))
	sleeps(3, true)
	if claims[1].apply(); claims[1].on()[0] != &w.queues[1].behind {
		t.Error("who is not named any more sleeps ahead")
	}
	claims[2].start, claims[2].came = time.Now().Add(-2*hunger), 54
	if claims[2].first(); claims[2].on()[0] != &w.queues[2].behind {
		t.Error("who is not named sleeps ahead")
	}
	if claims[3].named = false; claims[3].first() || claims[3].on()[0] != &w.queues[3].ahead {
		t.Error("the next is first, or sleeps behind")
	}

	// One that has waited for longer than beats can tell is as old as they can.
	const old = (60 - beatMask/2) & beatMask
	w.set(makeOrder(1, 0, 0, 60))
	apply(1, 2*hunger, 61)
	w.is("one that has waited for ages is next", makeOrder(1, 2, old, 60))
	w.set(makeOrder(1, 2, 61, 60))
	apply(1, 2*hunger, 60)
	w.is("the next has waited for ages", makeOrder(1, 2, old, 60))

	w.set(makeOrder(4, 0, 0, 61))
	if claims[3].named = false; !claims[3].first() || claims[3].on()[0] != &w.queues[3].ahead {
		t.Error("the first is not first, or sleeps behind")
	}
}

// TestRenew has the first look often: it shows that it is there, but not each time.
func TestRenew(t *testing.T) {
	w := newWorld(t)
	w.set(makeOrder(1, 3, 5, 9))
	c := claim{queue: &w.queues[0]}
	c.first()
	w.is("the first has looked", makeOrder(1, 3, 5, 10))
	c.renewed = c.renewed.Add(time.Hour) // which is at once, however slow the machine
	c.first()
	w.is("and again, at once", makeOrder(1, 3, 5, 10))
	c.renewed = c.renewed.Add(-time.Hour - 2*hunger)
	c.first()
	w.is("and later", makeOrder(1, 3, 5, 11))

	w.set(makeOrder(0, 0, 0, 9))
	c = claim{queue: &w.queues[0], start: time.Now().Add(-2 * hunger)}
	start := time.Now()
	c.apply()
	c.first()
	if time.Since(start) < hunger {
		w.is("the first has become so, which shows that it is there", makeOrder(1, 0, 0, 10))
	}
}

// TestStale has the first stand still, or not: what the next does is no sign of life.
func TestStale(t *testing.T) {
	for _, test := range []struct {
		now     order
		dropped bool
	}{
		{makeOrder(2, 0, 0, 7), true},
		{makeOrder(2, 3, 5, 7), true},
		{makeOrder(2, 0, 0, 8), false},
		{makeOrder(3, 0, 0, 7), false},
	} {
		w := newWorld(t)
		q := &w.queues[0]
		w.set(makeOrder(2, 0, 0, 7))
		if q.DropStale(); !q.Barred() {
			t.Fatal("the first is dropped at the first look")
		}
		q.since = q.since.Add(-2 * stale)
		w.set(test.now)
		if q.DropStale(); (q.load() != test.now) != test.dropped {
			t.Errorf("after two looks at %d, beat %d, dropped: %v", test.now.first(), test.now.beat(), !test.dropped)
		}
	}
}

// fenced looks at the word in each Barrier.
type fenced struct {
	attachment
	at func()
}

func (f fenced) Barrier() bool               { f.at(); return true }
func (f fenced) Census(time.Duration) uint64 { return 0 }

// TestFenceAfterFirst has one make itself the first: a waker that has not seen that yet
// may have woken those behind, so that it has to look again after a fence.
func TestFenceAfterFirst(t *testing.T) {
	w := newWorld(t)
	fences := 0
	q := &Queue{}
	q.Init(&w.words, fenced{attachment{0, &w.dead}, func() {
		fences++
		w.is("at the fence", makeOrder(1, 0, 0, 1))
	}}, true)
	c := claim{queue: q, start: time.Now().Add(-2 * hunger)}
	if !c.apply() || fences != 1 {
		t.Errorf("%d fences", fences)
	}
}
