//go:build !plan9

package nats_test

import (
	"context"
	"encoding/binary"
	"time"

	bridge "github.com/isthmus-go/isthmus/bridge/nats"
	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/ring"
	"github.com/isthmus-go/isthmus/shm"
)

// message is the Seq-th message of a producer.
type message struct{ Producer, Seq uint64 }

// bytes returns the message in a length of its own.
func (m message) bytes() []byte {
	b := make([]byte, 16+m.Seq%50)
	binary.LittleEndian.PutUint64(b, m.Producer)
	binary.LittleEndian.PutUint64(b[8:], m.Seq)
	return b
}

func fromBytes(b []byte) message {
	return message{binary.LittleEndian.Uint64(b), binary.LittleEndian.Uint64(b[8:])}
}

// arrived is a message at the far end, in place.
type arrived struct {
	message
	pos     uint64
	release func() error
}

type (
	pusher = func(context.Context, message) error
	taker  = func(context.Context) (arrived, error)
)

// ends are the four ends of the rings near and far. Each function claims one.
type ends struct {
	producer func() pusher
	source   func() *bridge.Source
	sink     func() *bridge.Sink
	consumer func() taker
}

const (
	stormCap      = 256
	stormCapBytes = stormCap * 64
)

// stormKinds are the kinds of rings. The far ring is of the same kind as the near one, or an SPSC.
var stormKinds = []string{"SPSC", "MPMC", "Bytes", "BytesMPMC", "Broadcast"}

// isShared reports whether a ring of a kind may have several producers.
func isShared(kind string) bool { return kind == "MPMC" || kind == "BytesMPMC" }

func openEnds(t proctest.Fataler, s *shm.Segment, kind string) (e ends) {
	switch kind {
	case "MPMC":
		near := proctest.Must(ring.NewMPMC[message](s, "near", stormCap))(t)
		far := proctest.Must(ring.NewMPMC[message](s, "far", stormCap))(t)
		e.producer = func() pusher { return near.Push }
		e.source = func() *bridge.Source { return bridge.FromMPMC(s, "near", near) }
		e.sink = func() *bridge.Sink { return bridge.ToMPMC(s, "far", far) }
		e.consumer = func() taker {
			return func(ctx context.Context) (a arrived, err error) {
				l, err := far.Next(ctx)
				if err == nil {
					a = arrived{*l.Value(), l.Position(), l.Release}
				}
				return a, err
			}
		}
	case "BytesMPMC":
		near := proctest.Must(ring.NewBytesMPMC(s, "near", stormCapBytes))(t)
		far := proctest.Must(ring.NewBytesMPMC(s, "far", stormCapBytes))(t)
		e.producer = func() pusher {
			return func(ctx context.Context, m message) error { return near.Push(ctx, m.bytes()) }
		}
		e.source = func() *bridge.Source { return bridge.FromBytesMPMC(s, "near", near) }
		e.sink = func() *bridge.Sink { return bridge.ToBytesMPMC(s, "far", far) }
		e.consumer = func() taker {
			return func(ctx context.Context) (a arrived, err error) {
				l, err := far.Next(ctx)
				if err == nil {
					a = arrived{fromBytes(l.Bytes()), l.Position(), l.Release}
				}
				return a, err
			}
		}
	case "Bytes":
		near := proctest.Must(ring.NewBytes(s, "near", stormCapBytes))(t)
		far := proctest.Must(ring.NewBytes(s, "far", stormCapBytes))(t)
		e.producer = func() pusher {
			p := proctest.Must(near.Producer())(t)
			return func(ctx context.Context, m message) error { return p.Push(ctx, m.bytes()) }
		}
		e.source = func() *bridge.Source { return bridge.FromBytes(s, "near", proctest.Must(near.Consumer())(t)) }
		e.sink = func() *bridge.Sink { return bridge.ToBytes(s, "far", proctest.Must(far.Producer())(t)) }
		e.consumer = func() taker {
			c := proctest.Must(far.Consumer())(t)
			return func(ctx context.Context) (a arrived, err error) {
				pos := c.Position()
				b, err := c.Next(ctx)
				if err == nil {
					a = arrived{fromBytes(b), pos, c.Release}
				}
				return a, err
			}
		}
	default:
		if kind == "SPSC" {
			near := proctest.Must(ring.NewSPSC[message](s, "near", stormCap))(t)
			e.producer = func() pusher { return proctest.Must(near.Producer())(t).Push }
			e.source = func() *bridge.Source { return bridge.FromSPSC(s, "near", proctest.Must(near.Consumer())(t)) }
		} else {
			near := stormBroadcast(t, s)
			e.producer = func() pusher { return proctest.Must(near.Producer())(t).Push }
			e.source = func() *bridge.Source {
				return bridge.FromBroadcast(s, "near", proctest.Must(near.Subscribe(ring.FromOldest))(t))
			}
		}
		far := proctest.Must(ring.NewSPSC[message](s, "far", stormCap))(t)
		e.sink = func() *bridge.Sink { return bridge.ToSPSC(s, "far", proctest.Must(far.Producer())(t)) }
		e.consumer = func() taker {
			c := proctest.Must(far.Consumer())(t)
			return func(ctx context.Context) (a arrived, err error) {
				pos := c.Position()
				m, err := c.Next(ctx)
				if err == nil {
					a = arrived{*m, pos, c.Release}
				}
				return a, err
			}
		}
	}
	return e
}

func stormBroadcast(t proctest.Fataler, s *shm.Segment) *ring.Broadcast[message] {
	return proctest.Must(ring.NewBroadcast[message](s, "near", stormCap, ring.Lossless))(t)
}

// guard subscribes to a lossless Broadcast, and stays an eighth of the ring behind its bridge: so much
// the producer may have announced to write. So what a bridge had copied and not published, when it is killed,
// is in the ring until its successor subscribes.
func guard(t proctest.Fataler, s *shm.Segment) (end func()) {
	sub := proctest.Must(stormBroadcast(t, s).Subscribe(ring.FromOldest))(t)
	passed := proctest.Must(bridge.Passed(s, "near"))(t)
	ctx, stop := context.WithCancel(context.Background())
	ended := proctest.Go(func() error {
		for ; ctx.Err() == nil; time.Sleep(time.Millisecond) {
			for sub.Position()+stormCap/8 < passed() {
				if _, err := sub.TryPop(); err != nil {
					return err
				}
			}
		}
		return sub.Detach()
	})
	return func() { stop(); proctest.Check(t, <-ended) }
}
