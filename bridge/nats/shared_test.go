//go:build !plan9

package nats_test

import (
	"context"
	"strconv"
	"testing"

	"github.com/nats-io/nats.go/jetstream"

	bridge "github.com/isthmus-go/isthmus/bridge/nats"
	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/ring"
	"github.com/isthmus-go/isthmus/shm"
)

// openShared returns an end of a ring of a kind, and what pushes a number to it, lends a message, and closes it.
func openShared(t proctest.Fataler, s *shm.Segment, kind string) (from *bridge.Source, push func(byte) error, lend, end func() error) {
	if kind == "MPMC" {
		q := proctest.Must(ring.NewMPMC[byte](s, "a", 16))(t)
		return bridge.FromMPMC(s, "a", q), q.TryPush, func() error { _, err := q.TryNext(); return err }, q.Close
	}
	q := proctest.Must(ring.NewBytesMPMC(s, "a", 16*64))(t)
	return bridge.FromBytesMPMC(s, "a", q), func(b byte) error { return q.TryPush([]byte{b}) },
		func() error { _, err := q.TryNext(); return err }, q.Close
}

var _ = proctest.Register("borrower", func(c *proctest.Child) {
	_, _, lend, _ := openShared(c, proctest.Must(shm.Open("bridge", nil))(c), c.Arg(0))
	for range number(c, 1) {
		proctest.Check(c, lend())
	}
	c.Send("ready")
	c.Expect("end")
})

// A bridge that passes some messages.
var _ = proctest.Register("some", func(c *proctest.Child) {
	from, _, _, _ := openShared(c, proctest.Must(shm.Open("bridge", nil))(c), c.Arg(0))
	js := proctest.Must(jetstream.New(connect(c, c.Arg(1))))(c)
	m := new(bridge.Metrics)
	go bridge.Forward(context.Background(), from, js, "s.a", &bridge.Options{Metrics: m})
	proctest.Until(c, "some have passed", func() bool { return m.Passed.Load() == uint64(number(c, 2)) })
	c.Send("passed")
	c.Expect("end")
})

// What was lent to a process that died comes before what was not, whether the ring is closed or not. A bridge that passes
// some of it and dies as well has removed just these.
func TestOrderAfterDeath(t *testing.T) {
	const messages, room = 10, 4
	for _, kind := range []string{"MPMC", "BytesMPMC"} {
		for what, closed := range map[string]bool{"open": false, "closed": true} {
			t.Run(kind+"/"+what, func(t *testing.T) {
				s := newStage(t, 1<<20, jetstream.StreamConfig{MaxMsgs: room, Discard: jetstream.DiscardNew})
				from, push, _, end := openShared(t, s.seg, kind)
				for i := range byte(messages) {
					proctest.Check(t, push(i))
				}
				dead := proctest.Start(t, "borrower", kind, "6")
				dead.Expect("ready")
				dead.Kill()
				if closed {
					proctest.Check(t, end())
				}
				some := proctest.Start(t, "some", kind, s.ClientURL(), strconv.Itoa(room))
				some.Expect("passed")
				some.Kill()
				s.update(t, func(cfg *jetstream.StreamConfig) { cfg.MaxMsgs = -1 })
				done := proctest.Go(func() error { return bridge.Forward(context.Background(), from, s.js, "s.a", nil) })
				proctest.Until(t, "all are stored", func() bool { return s.stored(t) == messages })
				if !closed {
					proctest.Check(t, end())
				}
				proctest.Check(t, proctest.Result(t, done))
				storedIs(t, s, messages)
			})
		}
	}
}

// Two bridges at one ring share its messages, each of which is stored once.
func TestTwoBridges(t *testing.T) {
	const messages = 200
	s := newStage(t, 1<<20, jetstream.StreamConfig{})
	ctx := context.Background()
	q := proctest.Must(ring.NewMPMC[byte](s.seg, "a", 16))(t)
	forward := func() error {
		return bridge.Forward(ctx, bridge.FromMPMC(s.seg, "a", q), s.js, "s.a", &bridge.Options{Window: 4})
	}
	one, two := proctest.Go(forward), proctest.Go(forward)
	for i := range byte(messages) {
		proctest.Check(t, q.Push(ctx, i))
	}
	proctest.Check(t, q.Close())
	proctest.Check(t, proctest.Result(t, one))
	proctest.Check(t, proctest.Result(t, two))
	seen := map[byte]bool{}
	for i := range s.stored(t) {
		m := proctest.Must(s.stream.GetMsg(ctx, i+1))(t)
		if seen[m.Data[0]] {
			t.Errorf("message %d is stored twice", m.Data[0])
		}
		seen[m.Data[0]] = true
	}
	if len(seen) != messages {
		t.Errorf("%d messages are stored of %d", len(seen), messages)
	}
}
