package storm

import (
	"context"
	"errors"

	"github.com/isthmus-go/isthmus/ring"
)

// What consumers do to both rings of bytes.

// popBytesOne has f pop into the page, where the message can be found if this is the
// end: if it was only copied there, somebody else has popped it.
func (a *actor) popBytesOne(r ringID, f func(dst []byte) ([]byte, error)) error {
	clear(a.page.takenBytes[:])
	a.begin(taking.on(r))
	b, err := f(a.page.takenBytes[:0])
	if err == nil {
		a.popped(a.parse(taking.on(r), b))
	}
	return err
}

// popBytesMany is popBytesOne of some messages.
func (a *actor) popBytesMany(r ringID, f func(dst []byte, lens []int) ([]byte, int, error)) error {
	clear(a.page.takenBytes[:])
	a.begin(taking.on(r))
	var lens [fewAtOnce]int
	b, n, err := f(a.page.takenBytes[:0], lens[:1+a.rnd.IntN(fewAtOnce)])
	if err != nil {
		a.mustBeNone(taking.on(r), n)
		return err
	}
	for _, l := range lens[:n] {
		a.popped(a.parse(taking.on(r), b[:l]))
		b = b[l:]
	}
	return nil
}

// lentBytes returns the id of a message that is lent, if the memory is still there.
func (a *actor) lentBytes(r ringID, b []byte) uint64 {
	id, whole := parseMessage(b)
	if !whole {
		a.vanished(r)
	}
	return id
}

func (a *actor) popBytes() {
	c, err := a.bytes.Consumer()
	if errors.Is(err, ring.ErrRoleTaken) {
		return
	}
	a.check(popping.on(bytesRing), err)
	a.write(newEntry(bytesRing, 0, next(&a.ledger.poppers[bytesRing]), 0))
	lend := func(b []byte, err error) (uint64, func() error, error) {
		if err != nil {
			return 0, nil, err
		}
		return a.lentBytes(bytesRing, b), c.Release, nil
	}
	a.pop(bytesRing, []func(ctx context.Context) error{
		func(context.Context) error { return a.popBytesOne(bytesRing, c.TryPop) },
		func(ctx context.Context) error {
			return a.popBytesOne(bytesRing, func(dst []byte) ([]byte, error) { return c.Pop(ctx, dst) })
		},
		func(ctx context.Context) error {
			return a.popBytesMany(bytesRing, func(dst []byte, lens []int) ([]byte, int, error) { return c.PopInto(ctx, dst, lens) })
		},
		func(context.Context) error {
			return a.readInPlace(bytesRing, func() (uint64, func() error, error) { return lend(c.TryNext()) })
		},
		func(ctx context.Context) error {
			return a.readInPlace(bytesRing, func() (uint64, func() error, error) { return lend(c.Next(ctx)) })
		},
	})
	a.detach(popping.on(bytesRing), c.Detach, func() error { _, err := c.TryPop(nil); return err })
}

func (a *actor) popBytesMPMC() {
	q := a.wide
	lend := func(l ring.LentBytes, err error) (uint64, func() error, error) {
		if err != nil {
			return 0, nil, err
		}
		return a.lentBytes(bytesMPMC, l.Bytes()), l.Release, nil
	}
	a.pop(bytesMPMC, []func(ctx context.Context) error{
		func(context.Context) error { return a.popBytesOne(bytesMPMC, q.TryPop) },
		func(ctx context.Context) error {
			return a.popBytesOne(bytesMPMC, func(dst []byte) ([]byte, error) { return q.Pop(ctx, dst) })
		},
		func(ctx context.Context) error {
			return a.popBytesMany(bytesMPMC, func(dst []byte, lens []int) ([]byte, int, error) { return q.PopInto(ctx, dst, lens) })
		},
		func(context.Context) error {
			return a.readInPlace(bytesMPMC, func() (uint64, func() error, error) { return lend(q.TryNext()) })
		},
		func(ctx context.Context) error {
			return a.readInPlace(bytesMPMC, func() (uint64, func() error, error) { return lend(q.Next(ctx)) })
		},
	})
}

func (a *actor) parse(what activity, b []byte) uint64 {
	id, whole := parseMessage(b)
	if !whole {
		a.t.Fatalf("%v: message %x is torn", what, b)
	}
	return id
}
