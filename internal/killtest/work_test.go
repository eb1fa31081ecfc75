//go:build linux && (amd64 || arm64) && !isthmus_nofutex

package killtest_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/isthmus-go/isthmus/internal/segment"
	"github.com/isthmus-go/isthmus/ring"
	"github.com/isthmus-go/isthmus/shm"
)

type workTask = ring.Task[message]

// newWork returns the queue "q", and that of its dead letters, if it has one.
func newWork(seg *shm.Segment, letters bool) (q, dead *ring.WorkQueue[message]) {
	var opts []ring.WorkQueueOption
	if letters {
		dead = must(ring.NewWorkQueue[message](seg, "dead", slots))
		opts = append(opts, ring.MaxDeliveries(1, dead))
	}
	return must(ring.NewWorkQueue[message](seg, "q", slots, opts...)), dead
}

// works are the operations of a WorkQueue.
func works() []operation {
	type queue = *ring.WorkQueue[message]
	ctx := context.Background()
	number := func(seg *shm.Segment, t workTask, err error) result {
		if err != nil {
			return failed(err)
		}
		m := *t.Value()
		if m != messages.Make(m.N) {
			// What was read of a closed Segment is not it.
			if _, err := ring.NewWorkQueue[message](seg, "q", 2*slots); errors.Is(err, shm.ErrSegmentClosed) {
				return failed(err)
			}
			return failed(fmt.Errorf("message %x is torn", m))
		}
		return did(m.N)
	}
	// on prepares an operation in a victim that has put, got and acknowledged, and holds so many
	// messages.
	on := func(c workScene, do func(v *victim, q queue, held workTask) result) operation {
		return operation{play: c.play, changes: true, after: c.after, victim: func(v *victim) func() result {
			q, _ := newWork(v.seg, c.letters)
			if !c.first {
				check(q.TryPut(messages.Make(v.message(127))))
				check(must(q.TryGet()).Ack())
			}
			var t workTask
			if c.holds {
				check(q.TryPut(messages.Make(v.message(0))))
				t = must(q.TryGet())
			}
			return func() result { return do(v, q, t) }
		}}
	}
	tryPut := func(v *victim, q queue, _ workTask) result { return failed(q.TryPut(messages.Make(v.message(0)))) }
	put := func(v *victim, q queue, _ workTask) result { return failed(q.Put(ctx, messages.Make(v.message(0)))) }
	tryGet := func(v *victim, q queue, _ workTask) result { t, err := q.TryGet(); return number(v.seg, t, err) }
	get := func(v *victim, q queue, _ workTask) result { t, err := q.Get(ctx); return number(v.seg, t, err) }
	ack := func(v *victim, q queue, t workTask) result { return failed(t.Ack()) }
	nack := func(v *victim, q queue, t workTask) result { return failed(t.Nack()) }
	join := func(v *victim, q queue, _ workTask) result { return failed(q.Join(ctx)) }
	shut := func(v *victim, q queue, _ workTask) result { return failed(q.Close()) }
	otherGets := func(seg *shm.Segment) func() result {
		q, _ := newWork(seg, false)
		return func() result {
			t, err := q.Get(ctx)
			r := number(seg, t, err)
			if err == nil {
				r.err = errors.Join(r.err, t.Ack())
			}
			return r
		}
	}
	otherPuts := func(seg *shm.Segment) func() result {
		q, _ := newWork(seg, false)
		return func() result { return failed(q.Put(ctx, messages.Make(others))) }
	}
	otherJoins := func(seg *shm.Segment) func() result {
		q, _ := newWork(seg, false)
		return func() result { return failed(q.Join(ctx)) }
	}
	var ops []operation
	row := func(name string, c workScene, do func(v *victim, q queue, held workTask) result, other ...func(*shm.Segment) func() result) {
		op := on(c, do)
		op.name = "WorkQueue " + name
		if len(other) > 0 {
			op.other = other[0]
		}
		op.fresh = c.closes
		ops = append(ops, op)
	}
	row("TryPut", workScene{puts: true, before: 1}, tryPut)
	row("TryPut, the first", workScene{puts: true, first: true}, tryPut)
	row("TryPut, passing over", workScene{puts: true, passes: true}, tryPut)
	row("Put, sleeping", workScene{puts: true, before: slots, sleeps: true}, put)
	row("Put, a taker dead", workScene{puts: true, first: true, taken: true, after: dead}, put)
	row("Put, a taker dead behind", workScene{puts: true, first: true, mine: true, taken: true, after: dead}, put)
	row("Put, another sleeps", workScene{puts: true, other: "gets"}, put, otherGets)
	row("TryGet", workScene{gets: true, before: 3}, tryGet)
	row("TryGet, the first", workScene{gets: true, first: true, before: 3}, tryGet)
	row("Get, sleeping", workScene{gets: true, sleeps: true}, get)
	row("Get, a worker dead", workScene{gets: true, dead: true, after: dead}, get)
	row("Get, a dead letter", workScene{gets: true, dead: true, letters: true, sleeps: true, after: dead}, get)
	row("Ack", workScene{holds: true, acks: true, before: 1}, ack)
	row("Ack, another sleeps", workScene{holds: true, acks: true, before: slots - 1, other: "puts"}, ack, otherPuts)
	row("Ack, another joins", workScene{holds: true, acks: true, other: "joins"}, ack, otherJoins)
	row("Ack, the queue closed", workScene{holds: true, acks: true, closed: true, closes: true}, ack)
	row("Nack", workScene{holds: true, before: 1}, nack)
	row("Nack, another sleeps", workScene{holds: true, other: "gets"}, nack, otherGets)
	row("Nack of a dead letter", workScene{holds: true, letters: true}, nack)
	row("Join, sleeping", workScene{mine: true, sleeps: true}, join)
	row("Close", workScene{before: 1, closes: true}, shut)
	return ops
}

// workScene is what goes on around an operation of a WorkQueue.
type workScene struct {
	letters bool // there is a queue of dead letters, after the first delivery
	first   bool // it is the victim's first
	holds   bool // the victim holds its message
	before  int  // messages that are put before the operation
	passes  bool // the test holds as many as there is room for but one
	mine    bool // the test holds a message
	dead    bool // somebody died with a message
	taken   bool // somebody died in the middle of a Get, and the ring has gone round
	sleeps  bool // the operation waits for the test
	other   string
	closed  bool // the queue is
	after   string

	puts, gets, acks, closes bool // what the operation does
}

// workLedger counts what was put, and what was delivered and acknowledged.
type workLedger struct {
	*stage
	q, dead   *ring.WorkQueue[message]
	next      int
	put, done map[uint64]int
	held      []workTask
	closed    bool
}

func (l *workLedger) tryPut() bool {
	l.Helper()
	n := messageOf(l.round, 128+l.next)
	err := l.q.TryPut(messages.Make(n))
	if errors.Is(err, ring.ErrFull) || l.closed && errors.Is(err, ring.ErrClosed) {
		return false
	}
	l.must("TryPut", err)
	l.next++
	l.put[n]++
	return true
}

func (l *workLedger) enter(t workTask) {
	l.Helper()
	m := *t.Value()
	if m != messages.Make(m.N) {
		l.fatalf("message %x is torn", m)
	}
	l.done[m.N]++
	l.must("Ack", t.Ack())
}

func (l *workLedger) tryGet() bool {
	l.Helper()
	t, err := l.q.TryGet()
	if errors.Is(err, ring.ErrEmpty) || l.closed && errors.Is(err, ring.ErrClosed) {
		return false
	}
	l.must("TryGet", err)
	l.enter(t)
	return true
}

// dieTaking has somebody die between the two steps of a Get.
func (l *workLedger) dieTaking() {
	l.Helper()
	const body, stride, held = 640, 8 + 16 + 24, 3
	seg := must(shm.Open(segmentName, l.opts))
	l.tryPut()
	q, _ := newWork(seg, false)
	must(q.TryGet())
	id := uint64(segment.Of(seg).ID())
	for i := range slots {
		slot := l.memory("q")[body+i*stride:]
		w, holder := binary.NativeEndian.Uint64(slot), binary.NativeEndian.Uint64(slot[8:])
		if lap := w >> 12; w&phase == held && holder&(1<<38-1) == id {
			binary.NativeEndian.PutUint64(slot, lap<<50|oneMore|id<<ownerAt|reading)
			l.must("close", seg.Close())
			return
		}
	}
	l.fatalf("the dead has no slot")
}

// drain gets what there is, until nothing is held or queued.
func (l *workLedger) drain(q *ring.WorkQueue[message]) {
	l.Helper()
	start := time.Now()
	for q.Len()+q.InFlight() > 0 {
		ctx, cancel := context.WithTimeout(context.Background(), 2*slice)
		t, err := q.Get(ctx)
		cancel()
		switch {
		case err == nil:
			l.enter(t)
		case !errors.Is(err, context.DeadlineExceeded) && !(l.closed && errors.Is(err, ring.ErrClosed)):
			l.must("Get", err)
		}
		if time.Since(start) > patience {
			l.fatalf("there are %d messages, and %d held", q.Len(), q.InFlight())
		}
	}
	l.stalled(start)
}

func (c workScene) play(s *stage) scene {
	l := &workLedger{stage: s, put: map[uint64]int{}, done: map[uint64]int{}}
	l.q, l.dead = newWork(s.seg, c.letters)
	victims := messageOf(s.round, 0)
	letGo := func() {
		for _, t := range l.held {
			l.enter(t)
		}
		l.held = nil
	}
	hold := func() {
		l.tryPut()
		l.held = append(l.held, must(l.q.TryGet()))
	}
	return scene{
		wakes: c.other != "",
		set: func() {
			if c.passes {
				for range slots - 1 {
					hold()
				}
			}
			if c.mine {
				hold()
			}
			if c.dead {
				seg := must(shm.Open(segmentName, s.opts))
				l.tryPut()
				q, _ := newWork(seg, c.letters)
				must(q.TryGet())
				s.must("close", seg.Close())
			}
			if c.taken {
				l.dieTaking()
				for l.next < slots {
					l.tryPut()
					l.tryGet()
				}
			}
			for range c.before {
				l.tryPut()
			}
			if c.closed {
				s.must("Close", l.q.Close())
				l.closed = true
			}
			if c.other != "" {
				s.begin()
			}
		},
		asleep: func() {
			switch {
			case c.mine && !c.puts:
				letGo()
				for l.tryGet() {
				}
			case c.puts:
				l.tryGet()
			case len(l.put) == 0 || c.letters && l.next < 2:
				l.tryPut()
			}
		},
		paused: func() func() {
			if c.other != "" || c.closes {
				return nil
			}
			for range 2 * slots { // as far as the victim is no obstacle
				l.tryPut()
				if !c.sleeps || c.puts {
					l.tryGet()
				}
			}
			return nil
		},
		check: func(o outcome) {
			s.must("the victim's operation", o.err)
			l.closed = l.closed || c.closes
			letGo()
			if c.other == "gets" && !(s.gentle && o.ended) {
				l.tryPut() // the victim's may not come
			}
			if c.other == "gets" {
				r := s.finish()
				s.must("the other process", r.err)
				l.done[r.values[0]]++
			}
			l.drain(l.q)
			switch c.other {
			case "puts":
				l.put[others]++
				s.must("the other process", s.finish().err)
				l.drain(l.q)
			case "joins":
				s.must("the other process", s.finish().err)
			}
			s.bounded("Join", l.q.Join)
			if c.letters {
				l.drain(l.dead)
				s.bounded("Join of dead letters", l.dead.Join)
			}
			if c.puts || c.holds {
				switch n := l.done[victims]; {
				case n > 1:
					s.fatalf("the victim's message came %d times", n)
				case n == 0 && o.ended && !c.acks, n == 1 && o.ended && c.acks:
					s.fatalf("the operation has ended, and the victim's message came %d times", n)
				case n == 0 && c.holds && !c.acks:
					s.fatalf("the victim's message is lost")
				}
				delete(l.done, victims)
			}
			for n, k := range l.put {
				if l.done[n] != k {
					s.fatalf("message %x was put, and came %d times: put %x, got %x", n, l.done[n], l.put, l.done)
				}
				delete(l.done, n)
			}
			if len(l.done) > 0 {
				s.fatalf("messages out of nowhere: %x", l.done)
			}
			if l.closed {
				if s.word("q", 4) == 0 && !c.closed && !o.ended {
					return // the Close that was cut off has not happened
				}
				_, err := l.q.Get(context.Background())
				s.is("Get in the end", err, ring.ErrClosed)
				return
			}
			l.wholeCapacity(l.q)
			if c.letters {
				l.wholeCapacity(l.dead)
			}
		},
	}
}

// wholeCapacity checks that all room in the empty queue can be used.
func (l *workLedger) wholeCapacity(q *ring.WorkQueue[message]) {
	l.Helper()
	for n := range uint64(slots) {
		l.must("TryPut to an empty queue", q.TryPut(messages.Make(n)))
	}
	l.is("TryPut to a full queue", q.TryPut(messages.Make(9)), ring.ErrFull)
	for n := range uint64(slots) {
		t, err := q.TryGet()
		l.must("TryGet", err)
		if t.Value().N != n {
			l.fatalf("got %x, want %x", t.Value().N, n)
		}
		l.must("Ack", t.Ack())
	}
}
