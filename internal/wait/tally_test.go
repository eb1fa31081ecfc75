package wait

import (
	"context"
	"reflect"
	"sync/atomic"
	"testing"
	"time"

	"github.com/isthmus-go/isthmus/futex"
	"github.com/isthmus-go/isthmus/internal/arch"
)

func wantCounts(t *testing.T, what string, tally *Tally, want Counts) {
	t.Helper()
	if got := tally.Counts(); got != want {
		t.Errorf("%s: got %+v, want %+v", what, got, want)
	}
}

// counting returns an Event that counts in t.
func counting(word *uint32, t *Tally) *Event {
	e := NewEvent(word, &mortuary{})
	e.CountIn(t)
	return &e
}

// TestTallyApart: no fast path of anything else touches the lines of a Tally.
func TestTallyApart(t *testing.T) {
	for range 100 {
		p := reflect.ValueOf(new(Tally))
		if size := p.Elem().Type().Size(); size != arch.CacheLine || p.Pointer()%arch.CacheLine != 0 {
			t.Fatalf("%d bytes at %#x", size, p.Pointer())
		}
	}
}

// TestTally counts one who sleeps, and two who stand behind it, and their wakes: on a thread and in
// a hub.
func TestTally(t *testing.T) {
	eachBed(t, func(t *testing.T) {
		var i item
		var tally Tally
		e := counting(&i.word, &tally)
		var done atomic.Int32
		for n := range uint64(3) {
			go func() { _ = e.Await(context.Background(), i.take, func() {}); done.Add(1) }()
			until(func() bool { return tally.Counts().Waits == n+1 })
		}
		wantCounts(t, "three wait", &tally, Counts{Waits: 3})
		for n := range int32(3) {
			i.n.Add(1)
			e.Notify(1)
			for done.Load() == n { // the next may not have had the turn
				time.Sleep(time.Millisecond)
				e.Notify(1)
			}
		}
		if c := tally.Counts(); c.Waits != 3 || c.WakeUps == 0 {
			t.Errorf("in the end: %+v", c)
		}
	})
}

// TestTallyWakeUps: a wake-up of nobody is none.
func TestTallyWakeUps(t *testing.T) {
	asleepAtOnce(t)
	sleepsOf(t, time.Minute)
	var i item
	var tally Tally
	e := counting(&i.word, &tally)
	e.Notify(1)
	e.Notify(Everybody)
	wantCounts(t, "nobody waits", &tally, Counts{})
	woken := make(chan bool)
	go func() { _ = e.Await(context.Background(), i.take, func() {}); close(woken) }()
	until(func() bool { return tally.Counts().Waits == 1 })
	i.n.Add(1)
	e.Notify(Everybody)
	<-woken
	e.Notify(Everybody)
	wantCounts(t, "one has waited", &tally, Counts{Waits: 1, WakeUps: 1})
	i.n.Add(1)
	_ = e.Await(context.Background(), i.take, func() {})
	wantCounts(t, "there was one", &tally, Counts{Waits: 1, WakeUps: 1})
	(*Tally)(nil).Waited() // counts nothing
	(*Tally)(nil).Repaired()
}

// TestTallyLook: one sleep counts once, however often it is interrupted.
func TestTallyLook(t *testing.T) {
	asleepAtOnce(t)
	sleepsOf(t, time.Millisecond)
	var i item
	var tally Tally
	e := counting(&i.word, &tally)
	looks := 0
	_ = e.Await(context.Background(), func() bool { return looks > 5 }, func() { looks++ })
	wantCounts(t, "after some looks", &tally, Counts{Waits: 1})
}

// TestTallyAny sleeps on Events that count in the same, and on others: once in each.
func TestTallyAny(t *testing.T) {
	eachBed(t, func(t *testing.T) {
		var a, b, c, d item
		var one, other Tally
		ea, eb, ec, ed := counting(&a.word, &one), counting(&b.word, &one), counting(&c.word, &other), counting(&d.word, nil)
		chosen := make(chan int)
		go func() {
			i, _ := Any(context.Background(), []Case{a.waitCase(ea), c.waitCase(ec), d.waitCase(ed), b.waitCase(eb)})
			chosen <- i
		}()
		until(func() bool { return one.Counts().Waits == 1 && other.Counts().Waits == 1 })
		d.n.Store(1)
		ed.Notify(Everybody)
		if i := <-chosen; i != 2 {
			t.Errorf("chose %d", i)
		}
		wantCounts(t, "two Events", &one, Counts{Waits: 1})
		wantCounts(t, "one Event", &other, Counts{Waits: 1})
	})
}

// TestTallyPassesOn wakes one who does something else by then: it passes the wake on, which counts.
func TestTallyPassesOn(t *testing.T) {
	asleepAtOnce(t)
	sleepsOf(t, time.Minute)
	var a, b item
	var ta, tb Tally
	ea, eb := counting(&a.word, &ta), counting(&b.word, &tb)
	chosen := make(chan int)
	go func() {
		i, _ := Any(context.Background(), []Case{a.waitCase(ea), b.waitCase(eb)})
		chosen <- i
	}()
	until(func() bool { return tb.Counts().Waits == 1 })
	a.n.Store(1)
	atomic.AddUint32(&b.word, epoch) // a wake, after which there may be others to wake
	futex.Wake(&b.word, 1)
	if i := <-chosen; i != 0 {
		t.Errorf("chose %d", i)
	}
	wantCounts(t, "what it was woken for, and did not do", &tb, Counts{Waits: 1, WakeUps: 1})
	wantCounts(t, "what it did", &ta, Counts{Waits: 1})
}

// TestTallyQueue has the waiter of a Queue become hungry, and sleep ahead of others: that is one
// wait. Then one comes whose turn it is not.
func TestTallyQueue(t *testing.T) {
	asleepAtOnce(t)
	sleepsOf(t, time.Millisecond)
	var words Words
	var q Queue
	var tally Tally
	q.Init(&words, attachment{1, new([4]bool)}, false)
	q.CountIn(&tally)
	var free atomic.Bool
	take := func(first bool) bool { return (first || !q.Barred()) && free.CompareAndSwap(true, false) }
	done := make(chan bool)
	var looks atomic.Int32
	for range 2 {
		go func() { _ = q.Await(context.Background(), take, func() { looks.Add(1) }); done <- true }()
	}
	until(func() bool { return q.Barred() && tally.Counts().Waits == 2 })
	for range 2 {
		looks.Store(0)
		until(func() bool { return looks.Load() > 2 }) // the one whose turn it is has slept
		free.Store(true)
		q.Wake(1)
		<-done
	}
	if c := tally.Counts(); c.Waits != 2 || c.WakeUps == 0 || q.Tally() != &tally {
		t.Errorf("in the end: %+v", c)
	}
}

// TestTallyAhead has a waiter sleep ahead of others from the first: it came long ago.
func TestTallyAhead(t *testing.T) {
	asleepAtOnce(t)
	sleepsOf(t, time.Minute)
	var words Words
	var q Queue
	var tally Tally
	q.Init(&words, attachment{1, new([4]bool)}, false)
	q.CountIn(&tally)
	var free atomic.Bool
	take := func(bool) bool { time.Sleep(2 * hunger); return free.CompareAndSwap(true, false) }
	done := make(chan bool)
	go func() { _ = q.Await(context.Background(), take, func() {}); close(done) }()
	until(func() bool { return tally.Counts().Waits == 1 })
	free.Store(true)
	q.Wake(1)
	<-done
	if c := tally.Counts(); c.Waits != 1 || c.WakeUps == 0 {
		t.Errorf("in the end: %+v", c)
	}
}
