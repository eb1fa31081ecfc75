package storm

import (
	"context"
	"errors"

	"github.com/isthmus-go/isthmus/ring"
	"github.com/isthmus-go/isthmus/shm"
)

// A pusher is a producer's end of some ring: n messages from seq on, pushed in one of
// the ways that the ring has. It returns how many were, in order.
type pusher func(ctx context.Context, seq, n uint64) (uint64, error)

// push pushes a burst of messages of one source.
func (a *actor) push(r ringID, source uint64, ways []pusher) {
	src := &a.ledger.sources[r][source]
	seq := get(&src.done)
	for left := a.burst(); left > 0; left-- {
		n := uint64(a.batch())
		ctx, cancel := background, context.CancelFunc(func() {})
		if a.rnd.IntN(4) == 0 {
			ctx, cancel = a.aMoment()
		}
		way := ways[a.rnd.IntN(len(ways))]
		a.begin(pushing.on(r))
		set(&src.begun, seq+n)
		k, err := way(ctx, seq, n)
		cancel()
		seq += k
		set(&src.done, seq)
		if errors.Is(err, shm.ErrSegmentClosed) {
			a.check(pushing.on(r), err) // the others may have been pushed or not
		}
		set(&src.begun, seq)
		a.end()
		if err == ring.ErrFull || errors.Is(err, context.DeadlineExceeded) {
			return
		}
		a.check(pushing.on(r), err)
	}
}

// one makes a pusher of what pushes a single message.
func one(push func(ctx context.Context, seq uint64) error) pusher {
	return func(ctx context.Context, seq, _ uint64) (uint64, error) {
		if err := push(ctx, seq); err != nil {
			return 0, err
		}
		return 1, nil
	}
}

func messages(r ringID, source, seq, n uint64) []message {
	ms := make([]message, n)
	for i := range ms {
		ms[i] = newMessage(identify(r, source, seq+uint64(i)))
	}
	return ms
}

func byteMessages(r ringID, source, seq, n uint64) [][]byte {
	bs := make([][]byte, n)
	for i := range bs {
		bs[i] = appendMessage(nil, identify(r, source, seq+uint64(i)))
	}
	return bs
}

func (a *actor) pushMPMC() {
	q, source := a.mpmc, a.produced[mpmc]
	of := func(seq uint64) message { return newMessage(identify(mpmc, source, seq)) }
	a.push(mpmc, source, []pusher{
		one(func(_ context.Context, seq uint64) error { return q.TryPush(of(seq)) }),
		one(func(ctx context.Context, seq uint64) error { return q.Push(ctx, of(seq)) }),
		func(ctx context.Context, seq, n uint64) (uint64, error) {
			k, err := q.PushAll(ctx, messages(mpmc, source, seq, n))
			return uint64(k), err
		},
		one(func(ctx context.Context, seq uint64) error {
			r, err := q.Reserve(ctx)
			if err != nil {
				return err
			}
			*r.Value() = of(seq)
			a.dawdle()
			return r.Commit()
		}),
		func(ctx context.Context, _, _ uint64) (uint64, error) { // nothing at all
			r, err := q.TryReserve()
			if err != nil {
				return 0, err
			}
			*r.Value() = garbage
			a.dawdle()
			return 0, r.Cancel()
		},
	})
}

// detach gives a role up, after which it does nothing any more.
func (a *actor) detach(what activity, detach, use func() error) {
	a.check(what, detach())
	if a.rnd.IntN(8) == 0 {
		if err := use(); !errors.Is(err, ring.ErrDetached) {
			a.t.Fatalf("%v: %v, expected ErrDetached", what, err)
		}
	}
}

// tenure is the source of a producer that has just claimed its role.
func (a *actor) tenure(r ringID) (source uint64, ok bool) {
	source = next(&a.ledger.pushers[r])
	return source, source < maxSources
}

func (a *actor) pushSPSC() {
	p, err := a.spsc.Producer()
	if errors.Is(err, ring.ErrRoleTaken) {
		return
	}
	a.check(pushing.on(spsc), err)
	if source, ok := a.tenure(spsc); ok {
		of := func(seq uint64) message { return newMessage(identify(spsc, source, seq)) }
		a.push(spsc, source, []pusher{
			one(func(_ context.Context, seq uint64) error { return p.TryPush(of(seq)) }),
			one(func(ctx context.Context, seq uint64) error { return p.Push(ctx, of(seq)) }),
			func(ctx context.Context, seq, n uint64) (uint64, error) {
				k, err := p.PushAll(ctx, messages(spsc, source, seq, n))
				return uint64(k), err
			},
			one(func(ctx context.Context, seq uint64) error {
				m, err := p.Reserve(ctx)
				if err != nil {
					return err
				}
				*m = of(seq)
				a.dawdle()
				return p.Commit()
			}),
			func(context.Context, uint64, uint64) (uint64, error) { // nothing at all
				m, err := p.TryReserve()
				if err == nil {
					*m = garbage
					a.dawdle()
				}
				return 0, err
			},
		})
	}
	a.detach(pushing.on(spsc), p.Detach, func() error { return p.TryPush(garbage) })
}

func (a *actor) pushBytes() {
	p, err := a.bytes.Producer()
	if errors.Is(err, ring.ErrRoleTaken) {
		return
	}
	a.check(pushing.on(bytesRing), err)
	if source, ok := a.tenure(bytesRing); ok {
		of := func(seq uint64) []byte { return appendMessage(nil, identify(bytesRing, source, seq)) }
		a.push(bytesRing, source, []pusher{
			one(func(_ context.Context, seq uint64) error { return p.TryPush(of(seq)) }),
			one(func(ctx context.Context, seq uint64) error { return p.Push(ctx, of(seq)) }),
			func(ctx context.Context, seq, n uint64) (uint64, error) {
				k, err := p.PushAll(ctx, byteMessages(bytesRing, source, seq, n))
				return uint64(k), err
			},
			one(func(ctx context.Context, seq uint64) error {
				b, err := p.Reserve(ctx, maxLength)
				if err != nil {
					return err
				}
				n := len(appendMessage(b[:0], identify(bytesRing, source, seq)))
				a.dawdle()
				return p.Commit(n)
			}),
			func(context.Context, uint64, uint64) (uint64, error) { // nothing at all
				b, err := p.TryReserve(a.rnd.IntN(maxLength))
				clear(b)
				return 0, err
			},
		})
	}
	a.detach(pushing.on(bytesRing), p.Detach, func() error { return p.TryPush(nil) })
}

func (a *actor) pushBytesMPMC() {
	q, source := a.wide, a.produced[bytesMPMC]
	of := func(seq uint64) []byte { return appendMessage(nil, identify(bytesMPMC, source, seq)) }
	a.push(bytesMPMC, source, []pusher{
		one(func(_ context.Context, seq uint64) error { return q.TryPush(of(seq)) }),
		one(func(ctx context.Context, seq uint64) error { return q.Push(ctx, of(seq)) }),
		func(ctx context.Context, seq, n uint64) (uint64, error) {
			k, err := q.PushAll(ctx, byteMessages(bytesMPMC, source, seq, min(n, fewAtOnce))) // one by one
			return uint64(k), err
		},
		one(func(ctx context.Context, seq uint64) error {
			r, err := q.Reserve(ctx, maxLength)
			if err != nil {
				return err
			}
			n := len(appendMessage(r.Bytes()[:0], identify(bytesMPMC, source, seq)))
			a.dawdle()
			return r.Commit(n)
		}),
		func(context.Context, uint64, uint64) (uint64, error) { // nothing at all
			r, err := q.TryReserve(a.rnd.IntN(maxLength))
			if err != nil {
				return 0, err
			}
			clear(r.Bytes())
			a.dawdle()
			return 0, r.Cancel()
		},
	})
}
