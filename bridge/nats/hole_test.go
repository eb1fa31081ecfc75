//go:build !plan9

package nats_test

import (
	"bytes"
	"context"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	bridge "github.com/isthmus-go/isthmus/bridge/nats"
	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/ring"
)

// A message that the stream has no room for is not overtaken by shorter ones behind it, for which
// there would be.
func TestHole(t *testing.T) {
	cfg := jetstream.StreamConfig{MaxBytes: 4000, Discard: jetstream.DiscardNew}
	s := newStage(t, 1<<20, cfg)
	ctx := context.Background()
	r := proctest.Must(ring.NewBytes(s.seg, "a", 1<<16))(t)
	p := proctest.Must(r.Producer())(t)
	sizes := []int{1, 5000, 2, 3, 4}
	for _, n := range sizes {
		proctest.Check(t, p.TryPush(make([]byte, n)))
	}
	proctest.Check(t, p.Close())
	m := new(bridge.Metrics)
	from := bridge.FromBytes(s.seg, "a", proctest.Must(r.Consumer())(t))
	done := proctest.Go(func() error {
		return bridge.Forward(ctx, from, s.js, "s.a", &bridge.Options{Metrics: m, RetryWait: time.Millisecond})
	})
	proctest.Until(t, "the long one is refused", func() bool { return m.Retries.Load() > 2 || s.stored(t) > 1 })
	if n := s.stored(t); n != 1 {
		t.Fatalf("%d messages are stored, want 1", n)
	}
	cfg.Name, cfg.Subjects, cfg.MaxBytes, cfg.Storage = "S", []string{"s.>"}, -1, jetstream.MemoryStorage
	proctest.Must(s.js.UpdateStream(ctx, cfg))(t)
	proctest.Check(t, proctest.Result(t, done))
	for i, n := range sizes {
		got := proctest.Must(s.stream.GetMsg(ctx, uint64(i+1)))(t)
		if !bytes.Equal(got.Data, make([]byte, n)) {
			t.Errorf("message %d has %d bytes, want %d", i, len(got.Data), n)
		}
	}
}
