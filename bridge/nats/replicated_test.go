//go:build !plan9

package nats_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go/jetstream"

	bridge "github.com/isthmus-go/isthmus/bridge/nats"
	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/ring"
	"github.com/isthmus-go/isthmus/shm"
)

// cluster is three servers in this process, which all have the stream S on s.>.
type cluster struct {
	stage
	servers []*server.Server
}

func newCluster(t *testing.T) *cluster {
	t.Helper()
	proctest.Dir(t)
	c := new(cluster)
	var ports [3]int
	var routes, urls []string
	for i := range ports {
		ports[i] = freePort(t)
		routes = append(routes, fmt.Sprintf("nats://127.0.0.1:%d", ports[i]))
	}
	for i, port := range ports {
		s, err := server.NewServer(&server.Options{ServerName: fmt.Sprint("n", i), Host: "127.0.0.1", Port: -1, JetStream: true, StoreDir: t.TempDir(),
			NoSigs: true, NoLog: true, Cluster: server.ClusterOpts{Name: "C", Host: "127.0.0.1", Port: port},
			Routes: server.RoutesFromStr(strings.Join(routes, ","))})
		proctest.Check(t, err)
		s.Start()
		t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
		c.servers = append(c.servers, s)
	}
	for _, s := range c.servers {
		if !s.ReadyForConnections(proctest.Timeout()) {
			t.Fatal("a server is not ready")
		}
		urls = append(urls, s.ClientURL())
	}
	c.nc = connect(t, strings.Join(urls, ","))
	t.Cleanup(c.nc.Close)
	c.js = proctest.Must(jetstream.New(c.nc))(t)
	proctest.Until(t, "the stream is made", func() (made bool) {
		var err error
		c.stream, err = c.js.CreateOrUpdateStream(context.Background(), jetstream.StreamConfig{Name: "S", Subjects: []string{"s.>"}, Replicas: 3})
		return err == nil
	})
	c.seg = proctest.Must(shm.Create("bridge", 1<<20, nil))(t)
	t.Cleanup(func() { c.seg.Close(); shm.Remove("bridge", nil) })
	return c
}

// leader waits until the stream has a leader.
func (c *cluster) leader(t *testing.T) (leader *server.Server) {
	t.Helper()
	proctest.Until(t, "the stream has a leader", func() bool {
		for _, s := range c.servers {
			if s.Running() && s.JetStreamIsStreamLeader(server.DEFAULT_GLOBAL_ACCOUNT, "S") {
				leader = s
			}
		}
		return leader != nil
	})
	return leader
}

// A stream of three servers takes everything once and in order, while another writes to it, its leader
// steps down, and the server of the next one ends.
func TestReplicated(t *testing.T) {
	const n = 3000
	c := newCluster(t)
	ctx, _ := limited(t)
	r := proctest.Must(ring.NewSPSC[uint64](c.seg, "a", 64))(t)
	p, from := proctest.Must(r.Producer())(t), bridge.FromSPSC(c.seg, "a", proctest.Must(r.Consumer())(t))
	pushed := proctest.Go(func() error {
		for i := range uint64(n) {
			if err := p.Push(ctx, i); err != nil {
				return err
			}
		}
		return p.Close()
	})
	m := new(bridge.Metrics)
	sent := proctest.Go(func() error {
		return bridge.Forward(ctx, from, c.js, "s.a", &bridge.Options{Metrics: m, AckWait: time.Second})
	})
	others := make(chan int, 1)
	writing, enough := context.WithCancel(ctx)
	go func() {
		stored := 0
		for ; writing.Err() == nil; time.Sleep(time.Millisecond) { // a pace
			if _, err := c.js.Publish(writing, "s.b", nil); err == nil {
				stored++
			}
		}
		others <- stored
	}()
	proctest.Until(t, "a third has passed", func() bool { return m.Passed.Load() > n/3 })
	c.leader(t)
	proctest.Must(c.nc.RequestWithContext(ctx, "$JS.API.STREAM.LEADER.STEPDOWN.S", nil))(t)
	proctest.Until(t, "two thirds have passed", func() bool { return m.Passed.Load() > n*2/3 })
	gone := c.leader(t)
	gone.Shutdown()
	proctest.Check(t, proctest.Result(t, pushed))
	proctest.Check(t, proctest.Result(t, sent))
	enough()
	if stored := proctest.Result(t, others); stored == 0 {
		t.Error("the other writer has stored nothing")
	}
	c.leader(t)
	info := proctest.Must(c.stream.Info(ctx, jetstream.WithSubjectFilter("s.a")))(t)
	if got := info.State.Subjects["s.a"]; got != n || m.Passed.Load() != n {
		t.Errorf("%d messages are stored and %d have passed, want %d", got, m.Passed.Load(), n)
	}
	cons := proctest.Must(c.stream.OrderedConsumer(ctx, jetstream.OrderedConsumerConfig{FilterSubjects: []string{"s.a"}}))(t)
	all := proctest.Must(cons.Messages())(t)
	defer all.Stop()
	for i := range uint64(n) {
		if msg := proctest.Must(all.Next(jetstream.NextContext(ctx)))(t); binary.LittleEndian.Uint64(msg.Data()) != i {
			t.Fatalf("message %d is %d", i, msg.Data())
		}
	}
}
