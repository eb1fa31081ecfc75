package storm

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/isthmus-go/isthmus/ring"
	"github.com/isthmus-go/isthmus/shm"
)

// errLeft says that a message was lent, and stays in the ring.
var errLeft = errors.New("left")

// pop pops a burst of messages, in the ways that a ring has. A way begins its
// activity, writes down what it has popped, and returns the ring's error.
func (a *actor) pop(r ringID, ways []func(ctx context.Context) error) {
	for left := a.burst(); left > 0 && !a.full(); left-- {
		ctx, cancel := a.aMoment()
		err := ways[a.rnd.IntN(len(ways))](ctx)
		cancel()
		if errors.Is(err, shm.ErrSegmentClosed) {
			a.check(popping.on(r), err)
		}
		a.end()
		if err == ring.ErrEmpty || err == errLeft || errors.Is(err, context.DeadlineExceeded) {
			return
		}
		a.check(popping.on(r), err)
	}
}

// popOne writes down the message that f pops. One that comes with an error may be
// popped or not.
func (a *actor) popOne(r ringID, f func() (message, error)) error {
	a.begin(popping.on(r))
	m, err := f()
	if err == nil {
		a.mustBeWhole(popping.on(r), m)
		a.popped(m[0])
	} else if errors.Is(err, shm.ErrSegmentClosed) && m.whole() {
		a.clear()
		a.page.taken[0] = m
		a.now(taking.on(r))
	}
	return err
}

// popMany has f pop into the page, where they can be found if this is the end. If
// that ends with an error, they do not count, and may be popped or not.
func (a *actor) popMany(r ringID, f func(dst []message) (int, error)) error {
	a.clear()
	a.taken = a.batch()
	a.begin(taking.on(r))
	n, err := f(a.page.taken[:a.taken])
	if err != nil {
		a.mustBeNone(taking.on(r), n)
		return err
	}
	for _, m := range a.page.taken[:n] {
		a.mustBeWhole(taking.on(r), m)
		a.popped(m[0])
	}
	return nil
}

// mustBeNone sees that no messages are counted beside an error.
func (a *actor) mustBeNone(what activity, n int) {
	if n != 0 {
		a.t.Fatalf("%v: %d messages and an error", what, n)
	}
}

// clear clears what was taken last.
func (a *actor) clear() {
	clear(a.page.taken[:a.taken])
	a.taken = 0
}

// readInPlace has f lend a message, and lets it go again. If this process dies
// before it has begun to do so, the message comes again.
func (a *actor) readInPlace(r ringID, f func() (id uint64, release func() error, err error)) error {
	a.begin(peeking.on(r))
	id, release, err := f()
	if err != nil {
		return err
	}
	set(&a.page.lent, id)
	a.now(reading.on(r))
	if a.dawdle(); a.rnd.IntN(16) == 0 { // readers take their time
		time.Sleep(time.Duration(a.rnd.IntN(1000)) * time.Microsecond)
	}
	if r.hasRoles() && a.rnd.IntN(16) == 0 {
		return errLeft // to the successor
	}
	a.now(dropping.on(r))
	if err := release(); err != nil {
		return err
	}
	a.popped(id)
	return nil
}

// lent returns the id of a message that is lent, if the memory is still there.
func (a *actor) lent(r ringID, m message) uint64 {
	if !m.whole() {
		a.vanished(r)
	}
	return m[0]
}

// vanished is where a message that is lent has turned into something else.
func (a *actor) vanished(r ringID) {
	if a.closing.Load() {
		panic(fmt.Errorf("%v: %w", peeking.on(r), shm.ErrSegmentClosed))
	}
	a.t.Fatalf("%v: a message is torn", peeking.on(r))
}

func (a *actor) popMPMC() {
	q := a.mpmc
	a.ledger.done(&a.page.earliest)
	lend := func(l ring.Lent[message], err error) (uint64, func() error, error) {
		if err != nil {
			return 0, nil, err
		}
		return a.lent(mpmc, *l.Value()), l.Release, nil
	}
	a.pop(mpmc, []func(ctx context.Context) error{
		func(context.Context) error { return a.popOne(mpmc, q.TryPop) },
		func(ctx context.Context) error {
			return a.popOne(mpmc, func() (message, error) { return q.Pop(ctx) })
		},
		func(ctx context.Context) error {
			return a.popMany(mpmc, func(dst []message) (int, error) { return q.PopInto(ctx, dst) })
		},
		func(ctx context.Context) error {
			return a.popMany(mpmc, func(dst []message) (int, error) { return q.PopInto(ctx, dst) })
		},
		func(context.Context) error {
			return a.readInPlace(mpmc, func() (uint64, func() error, error) { return lend(q.TryNext()) })
		},
		func(ctx context.Context) error {
			return a.readInPlace(mpmc, func() (uint64, func() error, error) { return lend(q.Next(ctx)) })
		},
	})
}

func (a *actor) popSPSC() {
	c, err := a.spsc.Consumer()
	if errors.Is(err, ring.ErrRoleTaken) {
		return
	}
	a.check(popping.on(spsc), err)
	a.write(newEntry(spsc, 0, next(&a.ledger.poppers[spsc]), 0))
	lend := func(m *message, err error) (uint64, func() error, error) {
		if err != nil {
			return 0, nil, err
		}
		return a.lent(spsc, *m), c.Release, nil
	}
	a.pop(spsc, []func(ctx context.Context) error{
		func(context.Context) error { return a.popOne(spsc, c.TryPop) },
		func(ctx context.Context) error {
			return a.popOne(spsc, func() (message, error) { return c.Pop(ctx) })
		},
		func(ctx context.Context) error {
			return a.popMany(spsc, func(dst []message) (int, error) { return c.PopInto(ctx, dst) })
		},
		func(context.Context) error {
			return a.readInPlace(spsc, func() (uint64, func() error, error) { return lend(c.TryNext()) })
		},
		func(ctx context.Context) error {
			return a.readInPlace(spsc, func() (uint64, func() error, error) { return lend(c.Next(ctx)) })
		},
	})
	a.detach(popping.on(spsc), c.Detach, func() error { _, err := c.TryPop(); return err })
}
