package storm

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"sync/atomic"
	"time"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/internal/ringtest"
	"github.com/isthmus-go/isthmus/ring"
	"github.com/isthmus-go/isthmus/shm"
)

// A line is a ring of any kind with one producer, the first actor of a crew, and FailOnDeath
// at both ends. All use it on attachments of their own. Its producer closes it in the end,
// or is killed: its consumers are told so, after all of its messages. When one of them was,
// the line is over. The next one has the same name: its producer removes the ring of the
// one before, once nobody uses that, and makes its own. A line's source, in the ledger, is
// which one it is; so no message comes from the ring of another.
type line struct {
	last    uint64 // the source of the last one, + 1; by its producer
	now     uint64 // the same, from the first message on until it is over, and then 0
	closing uint64 // the same, of one that may be closed; by its producer
	dead    uint64 // the same, of one whose producer is dead; by the parent
}

func (w crew) line() int { return w.seat / maxCrew }

func lineName(number int) string { return fmt.Sprint("line ", number) }

// openLine makes the ring of a line, or opens it.
func openLine(seg *shm.Segment, number int, source uint64) (ringtest.Ring, error) {
	kind := ringtest.Main[source%uint64(len(ringtest.Main))]
	return ringtest.Kinds[kind](seg, lineName(number), 4<<(source%3), ring.FailOnDeath)
}

// orphan says that the producer is dead.
func (l *line) orphan() { set(&l.dead, get(&l.last)) }

// bereave says that the actor of a page was killed, and maybe while it popped from a line.
func (l *ledger) bereave(p *page) {
	if p.line != 0 {
		set(&l.bereft[p.line-1], 1)
	}
}

// dying reports whether the process of a seat may be being killed.
func (s *seat) dying() bool { return get(&s.muted)%2 == 1 }

// producerDied reports whether the producer of a line may be dead, consumerDied whether one
// of its consumers may be.
func (l *ledger) producerDied(number int, source uint64) bool {
	return l.seats[number*maxCrew].dying() || get(&l.lines[number].dead) == source+1
}

func (l *ledger) consumerDied(source uint64) bool {
	for i := range l.seats {
		if l.seats[i].dying() {
			return true
		}
	}
	return get(&l.bereft[source]) == 1
}

// pushLine is a line from its beginning to its end.
func (a *actor) pushLine() {
	number := a.berth.crew.line()
	l := &a.ledger.lines[number]
	if a.seat != &a.ledger.seats[a.berth.crew.seat] || get(&l.now) != 0 {
		return
	}
	a.begin(opening)
	seg := open(a.t)
	defer func() { proctest.Check(a.t, seg.Close()) }()
	a.begin(removing)
	err := seg.RemoveObject(lineName(number))
	a.end()
	if errors.Is(err, shm.ErrInUse) {
		return
	}
	if !errors.Is(err, fs.ErrNotExist) {
		a.check(removing, err)
	}
	source, ok := a.tenure(lineRing)
	if !ok {
		return
	}
	r, err := openLine(seg, number, source)
	if errors.Is(err, shm.ErrMismatch) {
		return // somebody who came too late for the line before has made its ring again
	}
	a.check(opening, err)
	p, err := r.Producer()
	a.check(opening, err)
	defer func() {
		set(&l.closing, source+1)
		a.check(pushing.on(lineRing), p.Close())
	}()

	src := &a.ledger.sources[lineRing][source]
	a.begin(pushing.on(lineRing))
	set(&src.begun, 1)
	a.check(pushing.on(lineRing), p.TryPush(identify(lineRing, source, 0)))
	set(&l.last, source+1)
	set(&l.now, source+1)
	set(&src.done, 1)
	a.end()
	for n := a.rnd.IntN(16); n > 0 && get(&a.ledger.stop) == 0; n-- {
		a.pushTo(p, source)
		a.dawdle()
	}
}

// pushTo pushes a burst of messages to a line.
func (a *actor) pushTo(p ringtest.Producer, source uint64) {
	of := func(seq uint64) uint64 { return identify(lineRing, source, seq) }
	number := a.berth.crew.line()
	// wait waits for room.
	wait := func(push func() error) error {
		before, _ := a.ledger.visits(removables + number)
		err := push()
		if !errors.Is(err, ring.ErrPeerDied) {
			return err
		}
		if next(&a.ledger.toldFull); !a.ledger.consumerDied(source) {
			a.t.Fatalf("%v: %v, and no consumer has", pushing.on(lineRing), err)
		}
		after, _ := a.ledger.visits(removables + number)
		for i, v := range after {
			if v == before[i] && v&0xff == uint64(removables+number+1) && !a.ledger.seats[i].dying() {
				a.t.Fatalf("%v: %v, and that of seat %d has not", pushing.on(lineRing), err, i)
			}
		}
		return ring.ErrFull
	}
	a.push(lineRing, source, []pusher{
		one(func(_ context.Context, seq uint64) error { return p.TryPush(of(seq)) }),
		one(func(ctx context.Context, seq uint64) error { return wait(func() error { return p.Push(ctx, of(seq)) }) }),
		one(func(ctx context.Context, seq uint64) error {
			return wait(func() error { _, err := p.PushAll(ctx, of(seq), of(seq)+1); return err })
		}),
		one(func(ctx context.Context, seq uint64) error {
			var r ringtest.Reserved
			err := wait(func() (err error) { r, err = p.Reserve(ctx, of(seq)); return err })
			if err != nil {
				return err
			}
			a.dawdle()
			return r.Commit()
		}),
	})
}

// popLine pops from some line, until it is told that no more will come, or for a while.
func (a *actor) popLine() {
	number := a.rnd.IntN(len(a.ledger.lines))
	l := &a.ledger.lines[number]
	now := get(&l.now)
	if now == 0 {
		return
	}
	source := now - 1
	a.begin(opening)
	seg := open(a.t)
	defer func() { proctest.Check(a.t, seg.Close()) }()
	a.end()
	r, err := openLine(seg, number, source)
	if get(&l.now) != now {
		return // and this may be the ring of another line, or that of nobody
	}
	a.check(opening, err)
	set(&a.page.line, now)
	defer a.seat.leave()
	c, err := r.Consumer()
	if errors.Is(err, ring.ErrRoleTaken) {
		return
	}
	a.check(popping.on(lineRing), err)
	a.popFromLine(c, number, source)
}

func (a *actor) popFromLine(c ringtest.Consumer, number int, source uint64) {
	l := &a.ledger.lines[number]
	// told looks at an error of c, and reports that one which says that no more will come
	// may say so.
	told := func(err error) bool {
		switch {
		case errors.Is(err, ring.ErrPeerDied):
			if next(&a.ledger.toldEmpty); !a.ledger.producerDied(number, source) {
				a.t.Fatalf("%v: %v, and the producer has not", popping.on(lineRing), err)
			}
		case errors.Is(err, ring.ErrClosed):
			if get(&l.closing) != source+1 {
				a.t.Fatalf("%v: %v, and it is not", popping.on(lineRing), err)
			}
		default:
			return false
		}
		return true
	}
	of := func(n uint64) uint64 {
		if e := entry(n); e.ring() != lineRing || e.source() != source || e.len() != 1 {
			a.t.Fatalf("%v: %#x is no message of source %d", popping.on(lineRing), n, source)
		}
		return n
	}
	over := false
	// end notes that the line is over, which is an empty ring to the burst.
	end := func(err error) error {
		if told(err) {
			over = true
			return ring.ErrEmpty
		}
		return err
	}
	// patience is for ever if the producer is dead: what waits for it is sure to end.
	patience := func(ctx context.Context) (context.Context, context.CancelFunc) {
		switch {
		case get(&l.dead) == source+1:
			return background, func() {}
		case a.rnd.IntN(8) == 0:
			return context.WithTimeout(background, time.Duration(a.rnd.IntN(100))*time.Millisecond)
		}
		return ctx, func() {}
	}
	popOne := func(f func() (uint64, error)) error {
		a.begin(popping.on(lineRing))
		n, err := f()
		if err == nil {
			a.seat.come(removables + number)
			a.popped(of(n))
		}
		return end(err)
	}
	lend := func(m ringtest.Lent, err error) (uint64, func() error, error) {
		if err != nil {
			return 0, nil, end(err)
		}
		return of(m.N), m.Release, nil
	}
	a.pop(lineRing, []func(ctx context.Context) error{
		func(context.Context) error { return popOne(c.TryPop) },
		func(ctx context.Context) error {
			ctx, cancel := patience(ctx)
			defer cancel()
			return popOne(func() (uint64, error) { return c.Pop(ctx) })
		},
		func(ctx context.Context) error {
			ctx, cancel := patience(ctx)
			defer cancel()
			return popOne(func() (uint64, error) {
				ns, err := c.PopInto(ctx, 1)
				if err != nil {
					return 0, err
				}
				return ns[0], nil
			})
		},
		func(ctx context.Context) error {
			ctx, cancel := patience(ctx)
			defer cancel()
			return a.readInPlace(lineRing, func() (uint64, func() error, error) { return lend(c.Next(ctx)) })
		},
	})
	if !over {
		return
	}
	if a.rnd.IntN(4) == 0 { // it stays so
		a.begin(peeking.on(lineRing))
		if n, err := c.Pop(background); !told(err) {
			a.t.Fatalf("%v: message %#x, %v, of a line that is over", peeking.on(lineRing), n, err)
		}
		a.end()
	}
	atomic.CompareAndSwapUint64(&l.now, source+1, 0)
}

// drainLines pops what is left of the lines, until that says that they are over. All
// producers are gone.
func (s *storm) drainLines(a *actor) {
	for number := range s.ledger.lines {
		now := get(&s.ledger.lines[number].now)
		if now == 0 {
			continue
		}
		seg := open(s.t)
		c := proctest.Must(proctest.Must(openLine(seg, number, now-1))(s.t).Consumer())(s.t)
		for {
			n, err := c.Pop(background)
			if errors.Is(err, ring.ErrPeerDied) || errors.Is(err, ring.ErrClosed) {
				break
			}
			proctest.Check(s.t, err)
			a.popped(n)
		}
		proctest.Check(s.t, seg.Close())
	}
}
