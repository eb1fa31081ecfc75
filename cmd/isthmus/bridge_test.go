//go:build !plan9

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/ring"
	"github.com/isthmus-go/isthmus/shm"
)

// A config takes messages from one ring through a stream to another.
func TestBridge(t *testing.T) {
	proctest.Dir(t)
	srv := proctest.Must(server.NewServer(&server.Options{Host: "127.0.0.1", Port: -1, JetStream: true, StoreDir: t.TempDir(), NoSigs: true, NoLog: true}))(t)
	srv.Start()
	defer func() { srv.Shutdown(); srv.WaitForShutdown() }()
	if !srv.ReadyForConnections(proctest.Timeout()) {
		t.Fatal("the server is not ready")
	}
	nc := proctest.Must(nats.Connect(srv.ClientURL()))(t)
	defer nc.Close()
	js := proctest.Must(jetstream.New(nc))(t)
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	st := proctest.Must(js.CreateStream(ctx, jetstream.StreamConfig{Name: "S", Subjects: []string{"s"}, Storage: jetstream.MemoryStorage}))(t)
	proctest.Must(st.CreateConsumer(ctx, jetstream.ConsumerConfig{Durable: "C", AckPolicy: jetstream.AckExplicitPolicy}))(t)
	seg := proctest.Must(shm.Create("shop", 1<<18, nil))(t)
	defer func() { seg.Close(); shm.Remove("shop", nil) }()
	near := proctest.Must(ring.NewBytes(seg, "near", 4096))(t)
	far := proctest.Must(ring.NewBytesMPMC(seg, "far", 4096))(t)
	p := proctest.Must(near.Producer())(t)
	var cfg BridgeConfig
	proctest.Check(t, json.Unmarshal(fmt.Appendf(nil, `{"Server": %q,
		"Forward": [{"Segment": "shop", "Ring": "near", "Subject": "s"}],
		"Receive": [{"Stream": "S", "Consumer": "C", "Segment": "shop", "Ring": "far"}]}`, srv.ClientURL()), &cfg))
	c := &cli{out: new(bytes.Buffer)}
	done := proctest.Go(func() error { return c.runBridges(ctx, cfg, 0) })
	for i := range 100 {
		want := strings.Repeat("x", i)
		proctest.Check(t, p.Push(ctx, []byte(want)))
		if got := proctest.Must(far.Pop(ctx, nil))(t); string(got) != want {
			t.Fatalf("message %d is %q", i, got)
		}
	}
	stop()
	if err := proctest.Result(t, done); err != nil {
		t.Error(err)
	}
}
