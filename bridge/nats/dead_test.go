//go:build !plan9

package nats_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	bridge "github.com/isthmus-go/isthmus/bridge/nats"
	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/ring"
)

// A message that the far ring can never take goes to the dead letters; without a subject for them, it ends
// Receive and is delivered again.
func TestTooLargeForRing(t *testing.T) {
	s := newStage(t, 1<<20, jetstream.StreamConfig{})
	ctx, stop := limited(t)
	near := proctest.Must(ring.NewBytes(s.seg, "near", 1<<16))(t)
	p := proctest.Must(near.Producer())(t)
	large := strings.Repeat("large", 1000)
	for _, m := range []string{"one", large, "two"} {
		proctest.Check(t, p.TryPush([]byte(m)))
	}
	proctest.Check(t, p.Close())
	proctest.Check(t, bridge.Forward(ctx, bridge.FromBytes(s.seg, "near", proctest.Must(near.Consumer())(t)), s.js, "s.a", nil))

	far := proctest.Must(ring.NewBytes(s.seg, "far", 1024))(t)
	to, cons := bridge.ToBytes(s.seg, "far", proctest.Must(far.Producer())(t)), consumer(t, s.js)
	proctest.WantError(t, "Receive", bridge.Receive(ctx, cons, to, nil), ring.ErrTooLarge)
	done := proctest.Go(func() error {
		return bridge.Receive(ctx, cons, to, &bridge.Options{DeadLetter: "d", JetStream: s.js})
	})
	c := proctest.Must(far.Consumer())(t)
	for _, want := range []string{"one", "two"} {
		if got := proctest.Must(c.Pop(ctx, nil))(t); string(got) != want {
			t.Errorf("the ring has %q, want %q", got, want)
		}
	}
	stop()
	proctest.WantError(t, "Receive", proctest.Result(t, done), context.Canceled)
	d := proctest.Must(s.js.Stream(context.Background(), "D"))(t)
	m := proctest.Must(d.GetMsg(context.Background(), 1))(t)
	if string(m.Data) != large || !strings.Contains(m.Header.Get(bridge.HeaderReason), ring.ErrTooLarge.Error()) {
		t.Errorf("the dead letter has %d bytes and %v", len(m.Data), m.Header)
	}
}

// The limit of a server is not known before the first connection to it.
func TestDeadLetterUnconnected(t *testing.T) {
	nc := proctest.Must(nats.Connect("nats://127.0.0.1:1", nats.RetryOnFailedConnect(true)))(t)
	defer nc.Close()
	js := proctest.Must(jetstream.New(nc))(t)
	err := bridge.DeadLetter(context.Background(), js, &nats.Msg{Subject: "d", Data: []byte("x")}, time.Second)
	if !errors.Is(err, nats.ErrDisconnected) {
		t.Errorf("a dead letter: %v, want %v", err, nats.ErrDisconnected)
	}
}
