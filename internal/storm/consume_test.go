package storm

import (
	"context"
	"errors"
	"time"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/ring"
)

// pop pops a burst of messages, in the ways that a ring has. A way begins its
// activity, writes down what it has popped, and returns the ring's error.
func (a *actor) pop(r ringID, ways []func(ctx context.Context) error) {
	for left := a.burst(); left > 0; left-- {
		ctx, cancel := a.aMoment()
		err := ways[a.rnd.IntN(len(ways))](ctx)
		a.end()
		cancel()
		if err == ring.ErrEmpty || errors.Is(err, context.DeadlineExceeded) {
			return
		}
		if err != nil {
			a.unexpected(popping.on(r), err)
		}
	}
}

// popOne writes down the message that f pops.
func (a *actor) popOne(r ringID, f func() (message, error)) error {
	a.begin(popping.on(r))
	m, err := f()
	if err == nil {
		a.mustBeWhole(popping.on(r), m)
		a.popped(m[0])
	}
	return err
}

// popMany has f pop into the page, where they can be found if this is the end.
func (a *actor) popMany(r ringID, f func(dst []message) (int, error)) error {
	clear(a.page.taken[:])
	a.begin(taking.on(r))
	n, err := f(a.page.taken[:1+a.rnd.IntN(maxBatch)])
	for _, m := range a.page.taken[:n] {
		a.mustBeWhole(taking.on(r), m)
		a.popped(m[0])
	}
	return err
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
	a.now(dropping.on(r))
	err = release()
	a.popped(id)
	return err
}

func (a *actor) popMPMC() {
	q := a.mpmc
	lend := func(l ring.Lent[message], err error) (uint64, func() error, error) {
		if err != nil {
			return 0, nil, err
		}
		a.mustBeWhole(peeking.on(mpmc), *l.Value())
		return l.Value()[0], l.Release, nil
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
	proctest.Check(a.t, err)
	a.write(newEntry(spsc, 0, next(&a.ledger.poppers[spsc]), 0))
	lend := func(m *message, err error) (uint64, func() error, error) {
		if err != nil {
			return 0, nil, err
		}
		a.mustBeWhole(peeking.on(spsc), *m)
		return m[0], c.Release, nil
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
	proctest.Check(a.t, c.Detach())
}

func (a *actor) popBytes() {
	c, err := a.bytes.Consumer()
	if errors.Is(err, ring.ErrRoleTaken) {
		return
	}
	proctest.Check(a.t, err)
	a.write(newEntry(bytesRing, 0, next(&a.ledger.poppers[bytesRing]), 0))
	lend := func(b []byte, err error) (uint64, func() error, error) {
		if err != nil {
			return 0, nil, err
		}
		return a.parse(peeking, b), c.Release, nil
	}
	popOne := func(f func(dst []byte) ([]byte, error)) error {
		clear(a.page.takenBytes[:])
		a.begin(taking.on(bytesRing))
		b, err := f(a.page.takenBytes[:0])
		if err == nil {
			a.popped(a.parse(taking, b))
		}
		return err
	}
	a.pop(bytesRing, []func(ctx context.Context) error{
		func(context.Context) error { return popOne(c.TryPop) },
		func(ctx context.Context) error {
			return popOne(func(dst []byte) ([]byte, error) { return c.Pop(ctx, dst) })
		},
		func(ctx context.Context) error {
			clear(a.page.takenBytes[:])
			a.begin(taking.on(bytesRing))
			var lens [maxBatch]int
			b, n, err := c.PopInto(ctx, a.page.takenBytes[:0], lens[:1+a.rnd.IntN(maxBatch)])
			for _, l := range lens[:n] {
				a.popped(a.parse(taking, b[:l]))
				b = b[l:]
			}
			return err
		},
		func(context.Context) error {
			return a.readInPlace(bytesRing, func() (uint64, func() error, error) { return lend(c.TryNext()) })
		},
		func(ctx context.Context) error {
			return a.readInPlace(bytesRing, func() (uint64, func() error, error) { return lend(c.Next(ctx)) })
		},
	})
	proctest.Check(a.t, c.Detach())
}

func (a *actor) parse(what activity, b []byte) uint64 {
	id, whole := parseMessage(b)
	if !whole {
		a.t.Fatalf("%v: message %x is torn", what.on(bytesRing), b)
	}
	return id
}
