package process

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"testing"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/ring"
)

// The parent's decisions, with workers that are played step by step by this process, in random
// schedules: they take, begin, send, acknowledge and die, while parcels are passed and fail.

// An actor plays a worker.
type actor struct {
	number int
	busy   bool
	begun  bool // its gate
	sent   bool // the outcome of its element
	held   ring.Task[slot]
	gate   gate
	index  int
}

// A play is a schedule.
type play struct {
	t       *testing.T
	rand    *rand.Rand
	pool    *Pool
	actors  []*actor
	parcels []*parcel
	begins  map[*parcel][]int
	failed  map[*parcel]bool
}

func TestPoolDecisions(t *testing.T) {
	random := proctest.Random(t)
	for range proctest.Scaled(300) {
		newPlay(t, random).run()
	}
}

func newPlay(t *testing.T, random *rand.Rand) *play {
	const workers = 3
	queue := 1 + random.IntN(8)
	p := &Pool{
		maxAttempts: 2, free: make(chan uint32, queue), at: makeParcels(queue), serials: make([]uint32, queue),
		closed: make(chan struct{}), links: makeLinks(workers),
	}
	p.ctx, p.cancel = context.WithCancelCause(t.Context())
	for i := range uint32(queue) {
		p.free <- i
	}
	p.shared = proctest.Must(newShared(hallSize(queue, workers), 4))(t)
	var err error
	p.hall, err = openHall(p.shared.Segment, queue, workers)
	proctest.Check(t, err)
	g := &play{t: t, rand: random, pool: p, begins: map[*parcel][]int{}, failed: map[*parcel]bool{}}
	for i := range workers {
		g.actors = append(g.actors, &actor{number: i})
	}
	return g
}

func (g *play) run() {
	defer g.pool.shared.close()
	for range 200 {
		switch n := g.rand.IntN(20); {
		case n == 0 && len(g.pool.free) > 0:
			g.pass()
		case n == 1 && len(g.parcels) > 0:
			c := g.parcels[len(g.parcels)-1-g.rand.IntN(min(4, len(g.parcels)))]
			g.failed[c] = g.failed[c] || !c.over()
			c.fail(context.Canceled)
		case n == 2:
			g.die(g.actors[g.rand.IntN(len(g.actors))])
		default:
			g.step(g.actors[g.rand.IntN(len(g.actors))])
		}
	}
	proctest.Until(g.t, "all have their outcomes", func() bool {
		for range 100 {
			for _, a := range g.actors {
				g.step(a)
			}
		}
		return len(g.pool.free) == cap(g.pool.free)
	})
	for i, c := range g.parcels {
		g.judge(i, c)
	}
}

func (g *play) pass() {
	n := 1 + g.rand.IntN(4)
	c := &parcel{pool: g.pool, task: &task{idempotent: g.rand.IntN(2) == 0}, done: make(chan struct{}), outcomes: make([]outcome, n), args: []byte{byte(len(g.parcels))}}
	g.begins[c] = make([]int, n)
	g.parcels = append(g.parcels, c)
	ctx, cancel := context.WithCancel(g.t.Context())
	cancel() // the queue may be full of what was given up
	proctest.Check(g.t, c.pass(ctx))
	g.failed[c] = c.over()
}

// step is one of an actor.
func (g *play) step(a *actor) {
	if !a.busy {
		held, err := g.pool.tasks.TryGet()
		if err != nil {
			return
		}
		*a = actor{number: a.number, held: held, busy: true, index: int(held.Value().first)}
		return
	}
	s := *a.held.Value()
	switch {
	case !a.begun:
		a.gate = begun(s.serial, a.number, a.index)
		if a.begun = g.pool.gates.swap(s.gate, waiting(s.serial), a.gate); a.begun {
			g.count(s, a.index)
		} else {
			a.busy = false
			proctest.Check(g.t, a.held.Ack())
		}
	case !a.sent:
		a.sent = true
		if c := g.pool.at[s.gate].Load(); c != nil {
			proctest.Check(g.t, c.settle(ticket{s.gate, s.serial}, a.index, outcome{kind: isResult, data: a.data(s)}, 0))
		}
	default:
		if a.index++; a.index < int(s.count) {
			next := begun(s.serial, a.number, a.index)
			if g.pool.gates.swap(s.gate, a.gate, next) {
				a.gate, a.sent = next, false
				g.count(s, a.index)
				return
			}
		}
		a.busy = false
		proctest.Check(g.t, a.held.Ack())
	}
}

// data is an outcome: the index of its element, and the number of its parcel, which is its argument.
func (a *actor) data(s slot) []byte { return []byte{byte(a.index), s.payload[0]} }

// count counts that an element has begun.
func (g *play) count(s slot, index int) {
	c := g.pool.at[s.gate].Load()
	if c == nil || c.ticket != (ticket{s.gate, s.serial}) {
		g.t.Fatalf("what has begun is not there")
	}
	if g.failed[c] {
		g.t.Fatalf("what was given up has begun")
	}
	g.begins[c][index]++
}

// die is the death of an actor, and another one takes its place.
func (g *play) die(a *actor) {
	if a.busy {
		proctest.Check(g.t, a.held.Nack()) // as the queue does for the dead
	}
	g.pool.bury(a.number, &link{}, WorkerDied{PID: 1 + a.number})
	*a = actor{number: a.number}
}

// judge checks the outcomes of a parcel.
func (g *play) judge(i int, c *parcel) {
	if !c.held && c.ticket == (ticket{}) {
		return // was never passed
	}
	if !c.over() {
		g.t.Fatalf("parcel %d has no outcome, %d of %d", i, c.next, len(c.outcomes))
	}
	for e, o := range c.outcomes {
		begins := g.begins[c][e]
		var died *WorkerDied
		bad := !c.task.idempotent && begins > 1 || begins > g.pool.maxAttempts
		switch {
		case o.err == nil:
			bad = bad || o.kind != isResult || o.data[0] != byte(e) || o.data[1] != byte(i) || begins == 0
		case errors.Is(o.err, context.Canceled):
			bad = bad || !g.failed[c]
		case errors.As(o.err, &died):
			bad = bad || c.task.idempotent != errors.Is(o.err, ErrPoison) || begins != died.Attempt ||
				c.task.idempotent && begins != g.pool.maxAttempts
		default:
			bad = true
		}
		if bad {
			g.t.Fatalf("parcel %d (idempotent: %v), element %d, begun %d times: %+v", i, c.task.idempotent, e, begins, o)
		}
	}
}

// The death of who has begun an earlier use of a gate is no death in a later one.
func TestPoolDiedBefore(t *testing.T) {
	g := newPlay(t, proctest.Random(t))
	defer g.pool.shared.close()
	c := &parcel{pool: g.pool, task: &task{}, done: make(chan struct{}), outcomes: make([]outcome, 1)}
	proctest.Check(t, c.pass(t.Context()))
	before := ticket{c.ticket.gate, c.ticket.serial - 1}
	if _, again := c.died(before, 0, WorkerDied{PID: 1}); again || c.over() || c.attempts != 0 {
		t.Errorf("again: %v, over: %v, attempts: %d", again, c.over(), c.attempts)
	}
	c.fail(context.Canceled)
}

// What is given up, since no worker survives its argument, is begun by nobody. What another one
// has begun meanwhile is not given up.
func TestPoolNotFetched(t *testing.T) {
	random := proctest.Random(t)
	for _, begins := range []bool{false, true} {
		g := newPlay(t, random)
		defer g.pool.shared.close()
		c := &parcel{pool: g.pool, task: &task{}, done: make(chan struct{}), outcomes: make([]outcome, 1), args: make([]byte, 1000)}
		proctest.Check(t, c.pass(t.Context()))
		begin := func() bool {
			return g.pool.gates.swap(c.ticket.gate, waiting(c.ticket.serial), begun(c.ticket.serial, 2, 0))
		}
		for i := range g.pool.maxAttempts {
			if c.over() {
				t.Fatalf("it is over after %d workers", i)
			}
			if begins && i == g.pool.maxAttempts-1 && !begin() {
				t.Fatal("it cannot begin")
			}
			g.pool.bury(1, &link{wanted: c.ticket}, WorkerDied{PID: 1})
		}
		if c.over() == begins {
			t.Errorf("it has begun: %v, and is over: %v", begins, c.over())
		}
		if !begins && (!errors.Is(c.outcomes[0].err, ErrPoison) || begin()) {
			t.Errorf("its error is %v, and it can begin", c.outcomes[0].err)
		}
	}
}

func TestPoolPieces(t *testing.T) {
	type message struct {
		kind kind
		data []byte
	}
	long := bytes.Repeat([]byte("x"), 100)
	var a assembly
	var got []message
	for _, p := range []struct {
		h    header
		data []byte
	}{
		{header{kind: isResult}, []byte("whole")},
		{header{kind: isArgument, flags: more}, long},
		{header{kind: isArgument, flags: more | continues}, long},
		{header{kind: isArgument, flags: continues}, []byte("end")},
		{header{kind: isArgument, flags: more}, long}, // is given up
		{header{kind: isRecall}, nil},
		{header{kind: isResult, flags: more}, long},
		{header{kind: isResult, flags: continues}, nil},
	} {
		piece := make([]byte, headerSize+len(p.data))
		p.h.put(piece)
		copy(piece[headerSize:], p.data)
		h, data, whole, err := a.add(piece)
		proctest.Check(t, err)
		if h != p.h {
			t.Errorf("header %+v, expected %+v", h, p.h)
		}
		if whole {
			got = append(got, message{h.kind, bytes.Clone(data)})
		}
	}
	want := []message{
		{isResult, []byte("whole")}, {isArgument, append(append(long[:100:100], long...), "end"...)},
		{isRecall, []byte{}}, {isResult, long},
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("messages are %v, expected %v", got, want)
	}
	if _, _, _, err := a.add(make([]byte, headerSize-1)); err == nil {
		t.Error("a short piece is accepted")
	}
}

func FuzzCodec(f *testing.F) {
	f.Add([]byte("abc"))
	f.Fuzz(func(t *testing.T, b []byte) {
		codecOf[[]uint16]().decode(b)
		codecOf[map[string]int]().decode(b)
		codecOf[*int]().decode(b)
		errorOf(isPanic, "f", b)
		errorOf(isError, "f", b)
		roundTrip(t, b)
		roundTrip(t, string(b))
		roundTrip(t, [3]int64{int64(len(b))})
		roundTrip(t, map[string]int{string(b): len(b)})
	})
}

func roundTrip[T any](t *testing.T, v T) {
	t.Helper()
	c := codecOf[T]()
	b, err := c.append([]byte("before"), v)
	proctest.Check(t, err)
	got, err := c.decode(b[len("before"):])
	if err != nil || !reflect.DeepEqual(got, v) && fmt.Sprint(got) != fmt.Sprint(v) {
		t.Errorf("%v became %v, %v", v, got, err)
	}
}
