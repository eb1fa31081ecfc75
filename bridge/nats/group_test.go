//go:build !plan9

package nats_test

import (
	"context"
	"strconv"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	bridge "github.com/isthmus-go/isthmus/bridge/nats"
	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/ring"
)

// A group of messages asks for one PubAck, where positions only rise; so does what is left at the end. Where they do not, each asks.
func TestGroups(t *testing.T) {
	const n, window, group = 205, 165, 10 // the edge of the window lies inside a group
	for _, kind := range []string{"Bytes", "MPMC"} {
		t.Run(kind, func(t *testing.T) {
			s := newStage(t, 1<<20, jetstream.StreamConfig{})
			var from *bridge.Source
			if kind == "Bytes" {
				r := proctest.Must(ring.NewBytes(s.seg, "a", 1<<14))(t)
				p := proctest.Must(r.Producer())(t)
				for i := range n {
					proctest.Check(t, p.TryPush([]byte{byte(i)}))
				}
				proctest.Check(t, p.Close())
				from = bridge.FromBytes(s.seg, "a", proctest.Must(r.Consumer())(t))
			} else {
				r := proctest.Must(ring.NewMPMC[uint8](s.seg, "a", 256))(t)
				for i := range n {
					proctest.Check(t, r.TryPush(uint8(i)))
				}
				proctest.Check(t, r.Close())
				from = bridge.FromMPMC(s.seg, "a", r)
			}
			sub := proctest.Must(s.nc.SubscribeSync("s.a"))(t)
			m := new(bridge.Metrics)
			proctest.Check(t, bridge.Forward(context.Background(), from, s.js, "s.a", &bridge.Options{Window: window, Metrics: m}))
			storedIs(t, s, n)
			if m.Passed.Load() != n || m.Retries.Load() != 0 {
				t.Errorf("%v", m)
			}
			for i := range n {
				got := proctest.Must(sub.NextMsg(proctest.Timeout()))(t)
				if want := kind == "MPMC" || i%group == group-1 || i == n-1; (got.Reply != "") != want {
					t.Errorf("message %d asks at %q, want that it asks: %v", i, got.Reply, want)
				}
			}
		})
	}
}

// Messages over a limit go to the dead letters, in the midst of a group and as the one that asks for
// it; those around them are stored in order.
func TestRefusedInGroup(t *testing.T) {
	for _, by := range []string{"stream", "connection"} {
		t.Run(by, func(t *testing.T) {
			payload, cfg := int32(1000), jetstream.StreamConfig{}
			if by == "stream" {
				payload, cfg.MaxMsgSize = 1<<20, 1000
			}
			s := newStage(t, payload, cfg)
			r := proctest.Must(ring.NewBytes(s.seg, "a", 1<<14))(t)
			p := proctest.Must(r.Producer())(t)
			stored := byte(0)
			for i := range 25 {
				if i == 3 || i == 9 || i == 24 {
					proctest.Check(t, p.TryPush(make([]byte, 2000)))
					continue
				}
				proctest.Check(t, p.TryPush([]byte{stored}))
				stored++
			}
			proctest.Check(t, p.Close())
			from := bridge.FromBytes(s.seg, "a", proctest.Must(r.Consumer())(t))
			m := new(bridge.Metrics)
			forward := func(dead string) error { // AckWait is not to end what waits for nothing
				o := &bridge.Options{Window: 160, AckWait: time.Hour, DeadLetter: dead, Metrics: m}
				return proctest.Result(t, proctest.Go(func() error { return bridge.Forward(context.Background(), from, s.js, "s.a", o) }))
			}
			proctest.WantError(t, "Forward", forward(""), bridge.ErrTooLarge)
			if n := m.Passed.Load(); n != 3 {
				t.Errorf("%d have passed before the first that is refused, want 3", n)
			}
			proctest.Check(t, forward("d"))
			storedIs(t, s, uint64(stored))
			if n := m.DeadLetters.Load(); n != 3 {
				t.Errorf("%d dead letters, want 3", n)
			}
		})
	}
}

// A stream that is full refuses a message in a place of the window that others had before: it stays.
// After that, what was under way asks each; what comes behind is in groups again.
func TestAfterRefusal(t *testing.T) {
	for _, window := range []int{4, 32} { // groups of one, and of two
		t.Run(strconv.Itoa(window), func(t *testing.T) {
			cfg := jetstream.StreamConfig{MaxMsgs: 10, Discard: jetstream.DiscardNew}
			s := newStage(t, 1<<20, cfg)
			r, c := near(t, s, 0, 64)
			sub := proctest.Must(s.nc.SubscribeSync("s.a"))(t)
			m, room := new(bridge.Metrics), false
			forwarding(t, s, c, &bridge.Options{Window: window, RetryWait: time.Millisecond, Metrics: m}, func() bool {
				if !room && m.Retries.Load() > 3 {
					if n := m.Passed.Load(); n != 10 || r.Len() != 54 {
						t.Errorf("%d have passed and %d are in the ring, want 10 and 54", n, r.Len())
					}
					cfg.Name, cfg.Subjects, cfg.MaxMsgs, cfg.Storage = "S", []string{"s.>"}, -1, jetstream.MemoryStorage
					proctest.Must(s.js.UpdateStream(context.Background(), cfg))(t)
					room = true
				}
				return r.Len() == 0
			})
			storedIs(t, s, 64)
			asks := [64]bool{}
			for got := byte(0); got < 63; {
				m := proctest.Must(sub.NextMsg(proctest.Timeout()))(t)
				got = m.Data[0]
				asks[got] = m.Reply != ""
			}
			n := 0
			for _, ask := range asks[54:] {
				if ask {
					n++
				}
			}
			if n == 10 != (window == 4) || !asks[63] {
				t.Errorf("of the last ten, these ask: %v", asks[54:])
			}
		})
	}
}
