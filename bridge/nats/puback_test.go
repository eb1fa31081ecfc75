//go:build !plan9

package nats_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	bridge "github.com/isthmus-go/isthmus/bridge/nats"
	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/ring"
)

// stored returns how many messages the stream has.
func (s *stage) stored(t testing.TB) uint64 {
	t.Helper()
	return proctest.Must(s.stream.Info(context.Background()))(t).State.Msgs
}

// update changes the stream.
func (s *stage) update(t testing.TB, change func(cfg *jetstream.StreamConfig)) {
	t.Helper()
	ctx := context.Background()
	cfg := proctest.Must(s.stream.Info(ctx))(t).Config
	change(&cfg)
	proctest.Must(s.js.UpdateStream(ctx, cfg))(t)
}

// A server that stores and does not say so: all messages stay in the ring, and the next Forward
// publishes them again. The server knows them by their names.
func TestNoPubAck(t *testing.T) {
	const n = 20
	for _, kind := range []string{"SPSC", "MPMC"} {
		t.Run(kind, func(t *testing.T) {
			s := newStage(t, 1<<20, jetstream.StreamConfig{NoAck: true})
			from, fill := filled(t, s, kind, n)
			forward := func(o *bridge.Options, until func() bool) {
				ctx, stop := context.WithCancel(context.Background())
				defer stop()
				done := proctest.Go(func() error { return bridge.Forward(ctx, from, s.js, "s.a", o) })
				proctest.Until(t, "the bridge has come so far", until)
				stop()
				proctest.WantError(t, "Forward", proctest.Result(t, done), context.Canceled)
			}
			forward(nil, func() bool { return s.stored(t) == n })
			if fill() != n {
				t.Errorf("%d messages are in the ring, want %d", fill(), n)
			}
			s.update(t, func(cfg *jetstream.StreamConfig) { cfg.NoAck = false })
			m := new(bridge.Metrics)
			forward(&bridge.Options{Metrics: m}, func() bool { return fill() == 0 })
			storedIs(t, s, n)
			if m.Repeated.Load() != n || m.Passed.Load() != n {
				t.Errorf("%d passed, %d of them again; want %d", m.Passed.Load(), m.Repeated.Load(), n)
			}
		})
	}
}

// filled returns a source of n messages, the numbers from 0, and how many are in its ring.
func filled(t *testing.T, s *stage, kind string, n uint64) (*bridge.Source, func() int) {
	t.Helper()
	if kind == "SPSC" {
		r, c := near(t, s, 0, n)
		return bridge.FromSPSC(s.seg, "near", c), r.Len
	}
	q := proctest.Must(ring.NewMPMC[uint64](s.seg, "near", 64))(t)
	for i := range n {
		proctest.Check(t, q.TryPush(i))
	}
	return bridge.FromMPMC(s.seg, "near", q), q.Len
}

// A server whose answers are late holds up the producer, through the ring, and nobody else.
func TestSlowServer(t *testing.T) {
	const n, window = 200, 16
	s := newStage(t, 1<<20, jetstream.StreamConfig{})
	w := newWire(t, s.Addr().String())
	js := proctest.Must(jetstream.New(connect(t, w.url())))(t)
	defer js.Conn().Close()
	r := proctest.Must(ring.NewSPSC[uint64](s.seg, "near", 64))(t)
	p, c := proctest.Must(r.Producer())(t), proctest.Must(r.Consumer())(t)
	m := new(bridge.Metrics)
	w.hold()
	done := proctest.Go(func() error {
		return bridge.Forward(context.Background(), bridge.FromSPSC(s.seg, "near", c), js, "s.a",
			&bridge.Options{Window: window, Metrics: m, AckWait: 20 * time.Millisecond, RetryWait: time.Millisecond})
	})
	pushed := uint64(0)
	for ; pushed < 64; pushed++ {
		proctest.Check(t, p.TryPush(pushed))
	}
	proctest.Until(t, "the bridge has tried again", func() bool { return m.Retries.Load() > 2 })
	if err := p.TryPush(pushed); !errors.Is(err, ring.ErrFull) || r.Len() != 64 {
		t.Errorf("a push returned %v, want %v; %d messages are in the ring", err, ring.ErrFull, r.Len())
	}
	if got := s.stored(t); got > window {
		t.Errorf("%d messages are under way, want %d at most", got, window)
	}
	w.pass()
	for ; pushed < n; pushed++ {
		proctest.Check(t, p.Push(context.Background(), pushed))
	}
	proctest.Check(t, p.Close())
	proctest.Check(t, proctest.Result(t, done))
	storedIs(t, s, n)
}

// The stream is deleted while messages are under way. What it had is lost with it; all that it had
// not goes to the one that is made in its place.
func TestDeletedMeanwhile(t *testing.T) {
	s := newStage(t, 1<<20, jetstream.StreamConfig{NoAck: true})
	ctx := context.Background()
	r, c := near(t, s, 0, 20)
	m, made := new(bridge.Metrics), false
	forwarding(t, s, c, &bridge.Options{Metrics: m, AckWait: 50 * time.Millisecond, RetryWait: time.Millisecond}, func() bool {
		if !made && s.stored(t) == 20 {
			proctest.Check(t, s.js.DeleteStream(ctx, "S"))
			tries := m.Retries.Load()
			proctest.Until(t, "the bridge has tried again", func() bool { return m.Retries.Load() > tries+1 })
			s.stream = proctest.Must(s.js.CreateStream(ctx, jetstream.StreamConfig{Name: "S", Subjects: []string{"s.>"}}))(t)
			made = true
		}
		return r.Len() == 0
	})
	storedIs(t, s, 20)
}
