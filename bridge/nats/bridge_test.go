//go:build !plan9

package nats_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	bridge "github.com/isthmus-go/isthmus/bridge/nats"
	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/ring"
)

type trade struct {
	ID    uint64
	Price float64
	Kind  uint8
	Legs  [2]int
	Done  bool
}

// Every kind of ring goes through a stream into every kind that takes it.
func TestKinds(t *testing.T) {
	ctx := context.Background()
	const n = 300
	trades := func(i int) trade { return trade{uint64(i), float64(i) / 4, uint8(i), [2]int{-i, i}, i%2 == 0} }
	text := func(i int) []byte { return []byte(strings.Repeat("x", i%50) + fmt.Sprint(i)) }
	for _, kind := range []string{"SPSC", "MPMC", "Bytes", "BytesMPMC", "Broadcast"} {
		t.Run(kind, func(t *testing.T) {
			s := newStage(t, 1<<20, jetstream.StreamConfig{})
			var from *bridge.Source
			var to *bridge.Sink
			var push, pop func(i int)
			var end func() error
			popped := func(i int, v trade, err error) {
				if err != nil || v != trades(i) {
					t.Fatalf("message %d: %+v, %v", i, v, err)
				}
			}
			switch kind {
			case "SPSC":
				a := proctest.Must(ring.NewSPSC[trade](s.seg, "a", 64))(t)
				b := proctest.Must(ring.NewSPSC[trade](s.seg, "b", 64))(t)
				p, c := proctest.Must(a.Producer())(t), proctest.Must(b.Consumer())(t)
				push = func(i int) { proctest.Check(t, p.Push(ctx, trades(i))) }
				pop = func(i int) { v, err := c.Pop(ctx); popped(i, v, err) }
				from, to, end = bridge.FromSPSC(s.seg, "a", proctest.Must(a.Consumer())(t)), bridge.ToSPSC(s.seg, "b", proctest.Must(b.Producer())(t)), p.Close
			case "Broadcast":
				a := proctest.Must(ring.NewBroadcast[trade](s.seg, "a", 64, ring.Lossless))(t)
				b := proctest.Must(ring.NewBroadcast[trade](s.seg, "b", 64, ring.Lossless))(t)
				p, c := proctest.Must(a.Producer())(t), proctest.Must(b.Subscribe(ring.FromNow))(t)
				push = func(i int) { proctest.Check(t, p.Push(ctx, trades(i))) }
				pop = func(i int) { v, err := c.Pop(ctx); popped(i, v, err) }
				from, to, end = bridge.FromBroadcast(s.seg, "a", proctest.Must(a.Subscribe(ring.FromNow))(t)), bridge.ToSPSC(s.seg, "b", proctest.Must(b.Producer())(t)), p.Close
			case "MPMC":
				a := proctest.Must(ring.NewMPMC[trade](s.seg, "a", 64))(t)
				b := proctest.Must(ring.NewMPMC[trade](s.seg, "b", 64))(t)
				push = func(i int) { proctest.Check(t, a.Push(ctx, trades(i))) }
				pop = func(i int) { v, err := b.Pop(ctx); popped(i, v, err) }
				from, to, end = bridge.FromMPMC(s.seg, "a", a), bridge.ToMPMC(s.seg, "b", b), a.Close
			case "Bytes", "BytesMPMC":
				var take func() ([]byte, error)
				if kind == "Bytes" {
					a := proctest.Must(ring.NewBytes(s.seg, "a", 4096))(t)
					b := proctest.Must(ring.NewBytes(s.seg, "b", 4096))(t)
					p, c := proctest.Must(a.Producer())(t), proctest.Must(b.Consumer())(t)
					push = func(i int) { proctest.Check(t, p.Push(ctx, text(i))) }
					take = func() ([]byte, error) { return c.Pop(ctx, nil) }
					from, to, end = bridge.FromBytes(s.seg, "a", proctest.Must(a.Consumer())(t)), bridge.ToBytes(s.seg, "b", proctest.Must(b.Producer())(t)), p.Close
				} else {
					a := proctest.Must(ring.NewBytesMPMC(s.seg, "a", 4096))(t)
					b := proctest.Must(ring.NewBytesMPMC(s.seg, "b", 4096))(t)
					push = func(i int) { proctest.Check(t, a.Push(ctx, text(i))) }
					take = func() ([]byte, error) { return b.Pop(ctx, nil) }
					from, to, end = bridge.FromBytesMPMC(s.seg, "a", a), bridge.ToBytesMPMC(s.seg, "b", b), a.Close
				}
				pop = func(i int) {
					if b, err := take(); err != nil || string(b) != string(text(i)) {
						t.Fatalf("message %d: %q, %v", i, b, err)
					}
				}
			}
			sent := proctest.Go(func() error { return bridge.Forward(ctx, from, s.js, "s.a", nil) })
			rctx, stop := context.WithCancel(ctx)
			got := proctest.Go(func() error { return bridge.Receive(rctx, consumer(t, s.js), to, nil) })
			pushed := proctest.Go(func() bool {
				for i := range n {
					push(i)
				}
				return end() == nil
			})
			for i := range n {
				pop(i)
			}
			proctest.Result(t, pushed)
			if err := proctest.Result(t, sent); err != nil {
				t.Error(err)
			}
			stop()
			if err := proctest.Result(t, got); !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
		})
	}
}

// near returns an SPSC with the messages from..to-1, and its consumer.
func near(t *testing.T, s *stage, from, to uint64) (*ring.SPSC[uint64], *ring.Consumer[uint64]) {
	t.Helper()
	r := proctest.Must(ring.NewSPSC[uint64](s.seg, "near", 64))(t)
	p := proctest.Must(r.Producer())(t)
	for i := from; i < to; i++ {
		proctest.Check(t, p.TryPush(i))
	}
	proctest.Check(t, p.Detach())
	return r, proctest.Must(r.Consumer())(t)
}

// storedIs checks what the stream has: 0 to n-1, once each, in order.
func storedIs(t *testing.T, s *stage, n uint64) {
	t.Helper()
	ctx := context.Background()
	info := proctest.Must(s.stream.Info(ctx))(t)
	if info.State.Msgs != n {
		t.Fatalf("%d messages are stored, want %d", info.State.Msgs, n)
	}
	for i := range n {
		m := proctest.Must(s.stream.GetMsg(ctx, info.State.FirstSeq+i))(t)
		if uint64(m.Data[0]) != i {
			t.Fatalf("message %d is %d", i, m.Data[0])
		}
	}
}

// forwarding runs Forward until until says so.
func forwarding(t *testing.T, s *stage, c *ring.Consumer[uint64], o *bridge.Options, until func() bool) error {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	done := proctest.Go(func() error { return bridge.Forward(ctx, bridge.FromSPSC(s.seg, "near", c), s.js, "s.a", o) })
	proctest.Until(t, "the bridge has come so far", until)
	stop()
	return proctest.Result(t, done)
}

// A stream that is full refuses: the messages stay in the ring, and go on in order when there is room.
func TestFull(t *testing.T) {
	cfg := jetstream.StreamConfig{MaxMsgs: 5, Discard: jetstream.DiscardNew}
	s := newStage(t, 1<<20, cfg)
	r, c := near(t, s, 0, 20)
	m := new(bridge.Metrics)
	o := &bridge.Options{Metrics: m, RetryWait: time.Millisecond}
	room := false
	forwarding(t, s, c, o, func() bool {
		if !room && m.Retries.Load() > 3 && m.Passed.Load() == 5 {
			if r.Len() != 15 {
				t.Errorf("%d messages are in the ring, want 15", r.Len())
			}
			cfg.Name, cfg.Subjects, cfg.MaxMsgs, cfg.Storage = "S", []string{"s.>"}, -1, jetstream.MemoryStorage
			proctest.Must(s.js.UpdateStream(context.Background(), cfg))(t)
			room = true
		}
		return r.Len() == 0
	})
	storedIs(t, s, 20)
}

// A bridge that ends while messages are under way goes on with these when it begins again, in the same
// process: they keep their ids, and their order.
func TestAgain(t *testing.T) {
	cfg := jetstream.StreamConfig{MaxMsgs: 5, Discard: jetstream.DiscardNew}
	s := newStage(t, 1<<20, cfg)
	r, c := near(t, s, 0, 20)
	from := bridge.FromSPSC(s.seg, "near", c)
	m := new(bridge.Metrics)
	forward := func(until func() bool) {
		ctx, stop := context.WithCancel(context.Background())
		defer stop()
		done := proctest.Go(func() error {
			return bridge.Forward(ctx, from, s.js, "s.a", &bridge.Options{Metrics: m, RetryWait: time.Millisecond})
		})
		proctest.Until(t, "the bridge has come so far", until)
		stop()
		proctest.WantError(t, "Forward", proctest.Result(t, done), context.Canceled)
	}
	forward(func() bool { return m.Passed.Load() == 5 && m.Retries.Load() > 3 })
	cfg.Name, cfg.Subjects, cfg.MaxMsgs, cfg.Storage = "S", []string{"s.>"}, -1, jetstream.MemoryStorage
	proctest.Must(s.js.UpdateStream(context.Background(), cfg))(t)
	forward(func() bool { return r.Len() == 0 })
	storedIs(t, s, 20)
	msg := proctest.Must(s.stream.GetMsg(context.Background(), 1))(t)
	last := proctest.Must(s.stream.GetMsg(context.Background(), 20))(t)
	ring := func(m *jetstream.RawStreamMsg) string {
		id := m.Header.Get(jetstream.MsgIDHeader)
		return id[:strings.LastIndex(id, ".")]
	}
	if ring(msg) != ring(last) {
		t.Errorf("ids are %s and %s", ring(msg), ring(last))
	}
}

// A stream that is deleted is waited for. What is not acknowledged goes to the new one.
func TestDeleted(t *testing.T) {
	s := newStage(t, 1<<20, jetstream.StreamConfig{})
	r, c := near(t, s, 0, 20)
	ctx := context.Background()
	proctest.Check(t, s.js.DeleteStream(ctx, "S"))
	m, made := new(bridge.Metrics), false
	forwarding(t, s, c, &bridge.Options{Metrics: m, RetryWait: time.Millisecond}, func() bool {
		if !made && m.Retries.Load() > 1 {
			s.stream = proctest.Must(s.js.CreateStream(ctx, jetstream.StreamConfig{Name: "S", Subjects: []string{"s.>"}}))(t)
			made = true
		}
		return r.Len() == 0
	})
	storedIs(t, s, 20)
}

// A bridge that ended before it released what the server has: its successor repeats nothing, even
// where the server has forgotten the ids.
func TestForgottenIDs(t *testing.T) {
	s := newStage(t, 1<<20, jetstream.StreamConfig{Duplicates: 100 * time.Millisecond})
	r, c := near(t, s, 0, 20)
	ctx, stop := context.WithCancel(context.Background())
	gone := proctest.Go(func() error { // the far side has stored them all, this one hears nothing of it
		return bridge.Forward(ctx, bridge.Deaf(bridge.FromSPSC(s.seg, "near", c)), s.js, "s.a", nil)
	})
	stored := func() bool { return proctest.Must(s.stream.Info(context.Background()))(t).State.Msgs == 20 }
	proctest.Until(t, "all are stored", stored)
	stop()
	proctest.Result(t, gone)
	if r.Len() != 20 {
		t.Fatalf("%d messages are in the ring, want 20", r.Len())
	}
	proctest.Check(t, c.Detach())
	time.Sleep(250 * time.Millisecond) // so that the ids are forgotten
	m := new(bridge.Metrics)
	forwarding(t, s, proctest.Must(r.Consumer())(t), &bridge.Options{Metrics: m}, func() bool { return r.Len() == 0 })
	storedIs(t, s, 20)
	if m.Repeated.Load() != 20 {
		t.Errorf("%d were recognized, want 20", m.Repeated.Load())
	}
}

// Another writer of the stream costs attempts, and neither order nor messages.
func TestOtherWriter(t *testing.T) {
	s := newStage(t, 1<<20, jetstream.StreamConfig{})
	r, c := near(t, s, 0, 60)
	ctx := context.Background()
	forwarding(t, s, c, &bridge.Options{Window: 4}, func() bool {
		proctest.Must(s.js.Publish(ctx, "s.b", []byte("other")))(t)
		return r.Len() == 0
	})
	last := uint64(0)
	cons := proctest.Must(s.stream.OrderedConsumer(ctx, jetstream.OrderedConsumerConfig{FilterSubjects: []string{"s.a"}}))(t)
	for ; last < 60; last++ {
		if m := proctest.Must(cons.Next())(t); uint64(m.Data()[0]) != last {
			t.Fatalf("message %d is %d", last, m.Data()[0])
		}
	}
}

// A payload over the limit goes to the dead letters, in parts; without a subject for them it stays.
func TestTooLarge(t *testing.T) {
	s := newStage(t, 4096, jetstream.StreamConfig{})
	ctx := context.Background()
	r := proctest.Must(ring.NewBytes(s.seg, "a", 1<<16))(t)
	p := proctest.Must(r.Producer())(t)
	large := strings.Repeat("0123456789", 700)
	for _, m := range []string{"one", large, "two"} {
		proctest.Check(t, p.TryPush([]byte(m)))
	}
	proctest.Check(t, p.Close())
	c := proctest.Must(r.Consumer())(t)
	proctest.WantError(t, "Forward", bridge.Forward(ctx, bridge.FromBytes(s.seg, "a", c), s.js, "s.a", nil), bridge.ErrTooLarge)
	proctest.Check(t, c.Detach())
	proctest.Check(t, bridge.Forward(ctx, bridge.FromBytes(s.seg, "a", proctest.Must(r.Consumer())(t)), s.js, "s.a", &bridge.Options{DeadLetter: "d"}))
	if n := proctest.Must(s.stream.Info(ctx))(t).State.Msgs; n != 2 {
		t.Errorf("%d messages are stored, want 2", n)
	}
	d := proctest.Must(s.js.Stream(ctx, "D"))(t)
	got := ""
	for i := range 3 {
		m := proctest.Must(d.GetMsg(ctx, uint64(i+1)))(t)
		got += string(m.Data)
		if m.Header.Get(bridge.HeaderPart) != fmt.Sprintf("%d/3", i+1) || !strings.Contains(m.Header.Get(bridge.HeaderReason), "payload") {
			t.Errorf("part %d: %v", i, m.Header)
		}
	}
	if got != large {
		t.Errorf("the dead letter has %d bytes of %d", len(got), len(large))
	}
}

// A message of another type goes to the dead letters with the reason; the others pass.
func TestMismatch(t *testing.T) {
	s := newStage(t, 1<<20, jetstream.StreamConfig{})
	ctx, stop := context.WithCancel(context.Background())
	proctest.Must(s.js.Publish(ctx, "s.a", []byte("what is this")))(t)
	r, c := near(t, s, 0, 1)
	forwarding(t, s, c, nil, func() bool { return r.Len() == 0 })
	far := proctest.Must(ring.NewSPSC[uint64](s.seg, "far", 4))(t)
	p := proctest.Must(far.Producer())(t)
	cons := consumer(t, s.js)
	proctest.WantError(t, "Receive", bridge.Receive(ctx, cons, bridge.ToSPSC(s.seg, "far", p), nil), bridge.ErrType)
	done := proctest.Go(func() error {
		return bridge.Receive(ctx, cons, bridge.ToSPSC(s.seg, "far", p), &bridge.Options{DeadLetter: "d", JetStream: s.js})
	})
	to := proctest.Must(far.Consumer())(t)
	if v, err := to.Pop(ctx); v != 0 || err != nil {
		t.Errorf("%d, %v", v, err)
	}
	stop()
	proctest.Result(t, done)
	d := proctest.Must(s.js.Stream(context.Background(), "D"))(t)
	m := proctest.Must(d.GetMsg(context.Background(), 1))(t)
	if !strings.Contains(m.Header.Get(bridge.HeaderReason), "another type") || string(m.Data) != "what is this" {
		t.Errorf("dead letter %q %v", m.Data, m.Header)
	}
}

// A subscriber that was lapped tells with the next message how many it missed.
func TestLapped(t *testing.T) {
	s := newStage(t, 1<<20, jetstream.StreamConfig{})
	ctx := context.Background()
	b := proctest.Must(ring.NewBroadcast[uint64](s.seg, "a", 8))(t)
	sub, p := proctest.Must(b.Subscribe(ring.FromNow))(t), proctest.Must(b.Producer())(t)
	for i := range uint64(20) {
		proctest.Check(t, p.TryPush(i))
	}
	proctest.Check(t, p.Close())
	m := new(bridge.Metrics)
	proctest.Check(t, bridge.Forward(ctx, bridge.FromBroadcast(s.seg, "a", sub), s.js, "s.a", &bridge.Options{Metrics: m}))
	first := proctest.Must(s.stream.GetMsg(ctx, 1))(t)
	if got := first.Header.Get(bridge.HeaderMissed); got != fmt.Sprint(first.Data[0]) || m.Missed.Load() != uint64(first.Data[0]) || first.Data[0] == 0 {
		t.Errorf("message %d says that %s are missed, the metric %d", first.Data[0], got, m.Missed.Load())
	}
}
