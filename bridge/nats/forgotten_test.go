//go:build !plan9

package nats_test

import (
	"context"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	bridge "github.com/isthmus-go/isthmus/bridge/nats"
	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/ring"
	"github.com/isthmus-go/isthmus/shm"
)

// asked is a consumer that counts what it was asked and has answered.
type asked struct {
	jetstream.Consumer
	answers atomic.Int32
}

func (c *asked) Info(ctx context.Context) (*jetstream.ConsumerInfo, error) {
	info, err := c.Consumer.Info(ctx)
	if err == nil {
		c.answers.Add(1)
	}
	return info, err
}

// A server that was killed remembers an older state of its consumer: it has forgotten that it
// delivered what Receive holds, behind messages that are somebody else's. These come first
// all the same.
func TestForgottenDeliveries(t *testing.T) {
	const lost, messages = 5, 20
	proctest.Dir(t)
	ctx, stop := limited(t)
	dir, port := t.TempDir(), freePort(t)
	srv := serve(t, "127.0.0.1", port, dir, 1<<20)
	js := proctest.Must(jetstream.New(connect(t, srv.ClientURL())))(t)
	defer js.Conn().Close()
	// again ends the server, does what is to be done to its files, and starts it.
	again := func(change func(consumer string)) {
		srv.Shutdown()
		srv.WaitForShutdown()
		found := proctest.Must(filepath.Glob(filepath.Join(dir, "jetstream", "*", "streams", "S", "obs", "C")))(t)
		if len(found) != 1 {
			t.Fatalf("the consumer's state is in %q", found)
		}
		change(found[0])
		srv = serve(t, "127.0.0.1", port, dir, 1<<20)
		proctest.Until(t, "the connection is back", js.Conn().IsConnected)
	}
	defer func() { srv.Shutdown(); srv.WaitForShutdown() }()

	stream := proctest.Must(js.CreateStream(ctx, jetstream.StreamConfig{Name: "S", Subjects: []string{"s.>"}}))(t)
	cons := proctest.Must(stream.CreateConsumer(ctx, jetstream.ConsumerConfig{Durable: "C", AckPolicy: jetstream.AckExplicitPolicy, AckWait: time.Hour}))(t)
	seg := proctest.Must(shm.Create("forgotten", 1<<20, nil))(t)
	defer func() { seg.Close(); shm.Remove("forgotten", nil) }()
	s := &stage{js: js, stream: stream, seg: seg}
	r, c := near(t, s, 0, messages)
	forwarding(t, s, c, nil, func() bool { return r.Len() == 0 })

	// The first five are delivered to a receiver that dies. No more is delivered in this state.
	dead := []jetstream.Msg{}
	for m := range proctest.Must(cons.Fetch(lost))(t).Messages() {
		dead = append(dead, m)
	}
	proctest.Must(stream.PauseConsumer(ctx, "C", time.Now().Add(time.Hour)))(t)
	state := filepath.Join(t.TempDir(), "C")
	again(func(consumer string) { proctest.Check(t, os.CopyFS(state, os.DirFS(consumer))) })
	resume := func() { proctest.Must(stream.ResumeConsumer(ctx, "C"))(t) }
	resume()

	// The others are delivered to a Receive, which holds them back.
	far := proctest.Must(ring.NewSPSC[uint64](seg, "far", 64))(t)
	m, spy := new(bridge.Metrics), &asked{Consumer: cons}
	done := proctest.Go(func() error {
		return bridge.Receive(ctx, spy, bridge.ToSPSC(seg, "far", proctest.Must(far.Producer())(t)),
			&bridge.Options{Metrics: m, AckWait: 200 * time.Millisecond, RetryWait: time.Millisecond})
	})
	overtaken := func() bool { return far.Len() > 0 }
	proctest.Until(t, "the others are held", func() bool { return m.UnderWay.Load() == messages-lost || overtaken() })

	// The server forgets them. Once Receive has asked it twice, it has had its chance to err.
	again(func(consumer string) {
		proctest.Check(t, os.RemoveAll(consumer))
		proctest.Check(t, os.CopyFS(consumer, os.DirFS(state)))
	})
	answers := spy.answers.Load()
	proctest.Until(t, "it has asked the server", func() bool { return spy.answers.Load() > answers+1 || overtaken() })
	if overtaken() {
		t.Fatalf("%d messages have overtaken others", far.Len())
	}
	resume()
	for _, m := range dead {
		proctest.Check(t, m.Nak())
	}
	to := proctest.Must(far.Consumer())(t)
	for i := range uint64(messages) {
		if v, err := to.Pop(ctx); v != i || err != nil {
			t.Fatalf("message %d is %d, %v", i, v, err)
		}
	}
	stop()
	proctest.Result(t, done)
}
