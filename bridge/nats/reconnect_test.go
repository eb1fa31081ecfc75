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

// The connection is cut again and again while messages are under way, on both sides.
func TestReconnect(t *testing.T) {
	const n, every = 1000, 100
	s := newStage(t, 1<<20, jetstream.StreamConfig{})
	w := newWire(t, s.Addr().String())
	ctx, stop := limited(t)
	connected := func() jetstream.JetStream {
		nc := connect(t, w.url())
		t.Cleanup(nc.Close)
		return proctest.Must(jetstream.New(nc))(t)
	}
	a := proctest.Must(ring.NewSPSC[uint64](s.seg, "a", 64))(t)
	b := proctest.Must(ring.NewSPSC[uint64](s.seg, "b", 64))(t)
	from := bridge.FromSPSC(s.seg, "a", proctest.Must(a.Consumer())(t))
	to := bridge.ToSPSC(s.seg, "b", proctest.Must(b.Producer())(t))
	p, c := proctest.Must(a.Producer())(t), proctest.Must(b.Consumer())(t)
	sent := proctest.Go(func() error {
		return bridge.Forward(ctx, from, connected(), "s.a", &bridge.Options{Window: 32, AckWait: 200 * time.Millisecond})
	})
	got := proctest.Go(func() error { return bridge.Receive(ctx, consumer(t, connected()), to, nil) })
	pushed := proctest.Go(func() error {
		for i := range uint64(n) {
			if err := p.Push(ctx, i); err != nil {
				return err
			}
		}
		return p.Close()
	})
	for i := range uint64(n) {
		if i%every == every/2 {
			w.cut()
		}
		if v, err := c.Pop(ctx); v != i || err != nil {
			t.Fatalf("message %d is %d, %v", i, v, err)
		}
	}
	proctest.Check(t, proctest.Result(t, pushed))
	proctest.Check(t, proctest.Result(t, sent))
	stop()
	proctest.WantError(t, "Receive", proctest.Result(t, got), context.Canceled)
	if got := s.stored(t); got != n {
		t.Errorf("%d messages are stored, want %d", got, n)
	}
}

// What was delivered to a connection that was cut has not arrived. It is not overtaken by what comes next.
func TestLostDeliveries(t *testing.T) {
	s := newStage(t, 1<<20, jetstream.StreamConfig{})
	w := newWire(t, s.Addr().String())
	js := proctest.Must(jetstream.New(connect(t, w.url())))(t)
	defer js.Conn().Close()
	ctx, stop := limited(t)
	cons, here := consumer(t, js), consumer(t, s.js)
	far := proctest.Must(ring.NewSPSC[uint64](s.seg, "far", 64))(t)
	to := bridge.ToSPSC(s.seg, "far", proctest.Must(far.Producer())(t))
	got := proctest.Go(func() error { return bridge.Receive(ctx, cons, to, nil) })
	publish := func(from, to uint64) {
		r, c := near(t, s, from, to)
		forwarding(t, s, c, nil, func() bool { return r.Len() == 0 })
		proctest.Check(t, c.Detach())
	}
	publish(0, 5)
	proctest.Until(t, "the first have arrived", func() bool { return far.Len() == 5 })
	w.hold()
	publish(5, 10)
	proctest.Until(t, "the next are delivered", func() bool {
		return proctest.Must(here.Info(ctx))(t).Delivered.Stream == 10
	})
	w.cut()
	w.pass()
	publish(10, 15)
	c := proctest.Must(far.Consumer())(t)
	for i := range uint64(15) {
		if v, err := c.Pop(ctx); v != i || err != nil {
			t.Fatalf("message %d is %d, %v", i, v, err)
		}
	}
	stop()
	proctest.WantError(t, "Receive", proctest.Result(t, got), context.Canceled)
}

// A connection that will never be again ends both bridges. What is under way stays in the ring.
func TestConnectionClosed(t *testing.T) {
	s := newStage(t, 1<<20, jetstream.StreamConfig{NoAck: true})
	r, c := near(t, s, 0, 20)
	far := proctest.Must(ring.NewSPSC[uint64](s.seg, "far", 64))(t)
	ctx := context.Background()
	js := proctest.Must(jetstream.New(connect(t, s.ClientURL())))(t)
	cons := consumer(t, js)
	sent := proctest.Go(func() error {
		return bridge.Forward(ctx, bridge.FromSPSC(s.seg, "near", c), js, "s.a", &bridge.Options{AckWait: 50 * time.Millisecond})
	})
	to := bridge.ToSPSC(s.seg, "far", proctest.Must(far.Producer())(t))
	got := proctest.Go(func() error { return bridge.Receive(ctx, cons, to, nil) })
	proctest.Until(t, "all are received", func() bool { return far.Len() == 20 })
	js.Conn().Close()
	proctest.WantError(t, "Forward", proctest.Result(t, sent), jetstream.ErrConnectionClosed)
	proctest.WantError(t, "Receive", proctest.Result(t, got), jetstream.ErrConnectionClosed)
	if r.Len() != 20 {
		t.Errorf("%d messages are in the ring, want 20", r.Len())
	}
	got = proctest.Go(func() error { return bridge.Receive(ctx, cons, to, nil) })
	proctest.WantError(t, "Receive", proctest.Result(t, got), jetstream.ErrConnectionClosed)
}

// A ring that is closed and drained needs no server.
func TestDrained(t *testing.T) {
	s := newStage(t, 1<<20, jetstream.StreamConfig{})
	r := proctest.Must(ring.NewSPSC[uint64](s.seg, "near", 64))(t)
	proctest.Check(t, proctest.Must(r.Producer())(t).Close())
	nc := connect(t, "nats://127.0.0.1:"+strconv.Itoa(freePort(t)))
	defer nc.Close()
	from, js := bridge.FromSPSC(s.seg, "near", proctest.Must(r.Consumer())(t)), proctest.Must(jetstream.New(nc))(t)
	proctest.Check(t, proctest.Result(t, proctest.Go(func() error {
		return bridge.Forward(context.Background(), from, js, "s.a", nil)
	})))
}

// A Receive that begins while the server does not answer waits for it.
func TestReceiveWaits(t *testing.T) {
	s := newStage(t, 1<<20, jetstream.StreamConfig{})
	w := newWire(t, s.Addr().String())
	js := proctest.Must(jetstream.New(connect(t, w.url())))(t)
	defer js.Conn().Close()
	r, c := near(t, s, 0, 1)
	forwarding(t, s, c, nil, func() bool { return r.Len() == 0 })
	cons := consumer(t, js)
	far := proctest.Must(ring.NewSPSC[uint64](s.seg, "far", 4))(t)
	to := bridge.ToSPSC(s.seg, "far", proctest.Must(far.Producer())(t))
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	m := new(bridge.Metrics)
	w.hold()
	done := proctest.Go(func() error {
		return bridge.Receive(ctx, cons, to, &bridge.Options{Metrics: m, AckWait: 20 * time.Millisecond, RetryWait: time.Millisecond})
	})
	proctest.Until(t, "it has tried again", func() bool { return m.Retries.Load() > 1 })
	w.pass()
	proctest.Until(t, "the message has arrived", func() bool { return far.Len() == 1 })
	stop()
	proctest.WantError(t, "Receive", proctest.Result(t, done), context.Canceled)
}

// A stream that is deleted takes its consumers along, which ends Receive. The one that is made in its place
// has the same sequences, which are not taken for the old ones.
func TestMadeAgain(t *testing.T) {
	s := newStage(t, 1<<20, jetstream.StreamConfig{})
	ctx, _ := limited(t)
	m := new(bridge.Metrics)
	far := proctest.Must(ring.NewSPSC[uint64](s.seg, "far", 64))(t)
	to := bridge.ToSPSC(s.seg, "far", proctest.Must(far.Producer())(t))
	c := proctest.Must(far.Consumer())(t)
	for round := range uint64(3) {
		near, from := near(t, s, round*10, round*10+10)
		forwarding(t, s, from, nil, func() bool { return near.Len() == 0 })
		proctest.Check(t, from.Detach())
		cons := consumer(t, s.js)
		got := proctest.Go(func() error { return bridge.Receive(ctx, cons, to, &bridge.Options{Metrics: m}) })
		proctest.Until(t, "all have arrived", func() bool { return m.Passed.Load() == 10*(round+1) || m.Repeated.Load() > 0 })
		if n := m.Repeated.Load(); n > 0 {
			t.Fatalf("%d messages were taken for those of the old stream", n)
		}
		for i := range uint64(10) {
			if v, err := c.Pop(ctx); v != round*10+i || err != nil {
				t.Fatalf("message %d of round %d is %d, %v", i, round, v, err)
			}
		}
		proctest.Check(t, s.js.DeleteStream(ctx, "S"))
		proctest.WantError(t, "Receive", proctest.Result(t, got), jetstream.ErrConsumerDeleted)
		s.stream = proctest.Must(s.js.CreateStream(ctx, jetstream.StreamConfig{Name: "S", Subjects: []string{"s.>"}}))(t)
	}
}
