//go:build linux && (amd64 || arm64) && !isthmus_nofutex

package killtest_test

import (
	"context"

	"github.com/isthmus-go/isthmus/internal/ringtest"
	"github.com/isthmus-go/isthmus/ring"
	"github.com/isthmus-go/isthmus/shm"
)

// message carries a number three times, so that half of one shows.
type message struct{ N, Not, Times uint64 }

var messages = ringtest.Type[message]{
	Make:   func(n uint64) message { return message{n, ^n, n * 0x9e3779b97f4a7c15} },
	Number: func(m message) uint64 { return m.N },
	Mask:   ^uint64(0),
}

const (
	slots    = 4       // of an SPSC and an MPMC
	wideRoom = 16 * 64 // of a BytesMPMC

	producer = "producer"
	consumer = "consumer"
)

// rings are the rings by kind, of that many messages. Those of a Bytes have 8, 40 or 48
// bytes, in pairs of 8, and those of a BytesMPMC one chunk or three.
var rings = map[string]ringtest.Kind{
	"SPSC":      ringtest.SPSC(messages),
	"MPMC":      ringtest.MPMC(messages),
	"Bytes":     ringtest.Bytes(256/slots, func(n uint64, _ int) int { return []int{8, 8, 40, 48}[n%4] }),
	"BytesMPMC": ringtest.BytesMPMC(wideRoom/slots, func(n uint64, _ int) int { return wideLen(n) }),
}

func wideLen(n uint64) int {
	if n%2 == 0 || n == others {
		return 160
	}
	return 24
}

// kinds are the kinds of ring.
var kinds = ringtest.Main

// anybody reports whether a ring of that kind has no roles.
func anybody(kind string) bool { return kind == "MPMC" || kind == "BytesMPMC" }

func newRing(kind string, seg *shm.Segment, name string, opts ...ring.Option) ringtest.Ring {
	return must(rings[kind](seg, name, slots, opts...))
}

// end is one end of a ring of any kind, or both.
type end struct {
	ringtest.Producer
	ringtest.Consumer
}

// newEnd makes an end of the ring "q", or both if anybody can hold them.
func newEnd(kind string, seg *shm.Segment, role string, opts ...ring.Option) (e end, err error) {
	r := newRing(kind, seg, "q", opts...)
	if role == producer || anybody(kind) {
		e.Producer, err = r.Producer()
	}
	if err == nil && (role == consumer || anybody(kind)) {
		e.Consumer, err = r.Consumer()
	}
	return e, err
}

// Detach gives up a role.
func (e end) Detach() error {
	if e.Producer != nil {
		return e.Producer.Detach()
	}
	return e.Consumer.Detach()
}

// pushInPlace is Reserve and Commit.
func (e end) pushInPlace(ctx context.Context, n uint64) error {
	r, err := e.Reserve(ctx, n)
	if err != nil {
		return err
	}
	return r.Commit()
}

// popInPlace is Next and Release. The message may be torn if Release says why.
func (e end) popInPlace(ctx context.Context) (uint64, error) {
	l, err := e.Next(ctx)
	if l.Read == nil {
		return 0, err
	}
	if err := l.Release(); err != nil {
		return 0, err
	}
	return l.N, err
}
