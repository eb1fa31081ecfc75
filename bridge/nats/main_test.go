//go:build !plan9

package nats_test

import (
	"context"
	"net"
	"strconv"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/shm"
)

func TestMain(m *testing.M) { proctest.Main(m) }

// freePort returns a port that nobody listens at.
func freePort(t testing.TB) int {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	proctest.Check(t, err)
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// serve starts a server in this process.
func serve(t proctest.Fataler, host string, port int, dir string, payload int32) *server.Server {
	t.Helper()
	s, err := server.NewServer(&server.Options{Host: host, Port: port, JetStream: true, StoreDir: dir,
		NoSigs: true, NoLog: true, MaxPayload: payload, SyncInterval: time.Minute})
	proctest.Check(t, err)
	s.Start()
	if !s.ReadyForConnections(proctest.Timeout()) {
		t.Fatalf("the server is not ready")
	}
	return s
}

// stage is a server in this process, a stream S on s.> and dead letters in D.
type stage struct {
	*server.Server
	js     jetstream.JetStream
	nc     *nats.Conn
	stream jetstream.Stream
	seg    *shm.Segment
}

func newStage(t testing.TB, payload int32, cfg jetstream.StreamConfig) *stage {
	t.Helper()
	proctest.Dir(t)
	s := &stage{Server: serve(t, "127.0.0.1", -1, t.TempDir(), payload)}
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	s.nc = connect(t, s.ClientURL())
	t.Cleanup(s.nc.Close)
	s.js = proctest.Must(jetstream.New(s.nc))(t)
	cfg.Name, cfg.Subjects, cfg.Storage = "S", []string{"s.>"}, jetstream.MemoryStorage
	ctx := context.Background()
	s.stream = proctest.Must(s.js.CreateStream(ctx, cfg))(t)
	proctest.Must(s.js.CreateStream(ctx, jetstream.StreamConfig{Name: "D", Subjects: []string{"d"}, Storage: jetstream.MemoryStorage}))(t)
	s.seg = proctest.Must(shm.Create("bridge", 1<<20, nil))(t)
	t.Cleanup(func() { s.seg.Close(); shm.Remove("bridge", nil) })
	return s
}

// limited returns a context that ends with the test, or if the test hangs.
func limited(t testing.TB) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithTimeout(context.Background(), proctest.Timeout())
	t.Cleanup(cancel)
	return ctx, cancel
}

func connect(t proctest.Fataler, url string) *nats.Conn {
	t.Helper()
	return proctest.Must(nats.Connect(url, nats.MaxReconnects(-1), nats.RetryOnFailedConnect(true),
		nats.ReconnectWait(10*time.Millisecond)))(t)
}

func consumer(t proctest.Fataler, js jetstream.JetStream) jetstream.Consumer {
	t.Helper()
	return proctest.Must(js.CreateOrUpdateConsumer(context.Background(), "S", jetstream.ConsumerConfig{Durable: "C",
		AckPolicy: jetstream.AckExplicitPolicy, AckWait: time.Second, MaxAckPending: 500}))(t)
}

func number(c *proctest.Child, i int) int {
	n, err := strconv.Atoi(c.Arg(i))
	proctest.Check(c, err)
	return n
}
