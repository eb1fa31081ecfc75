//go:build !plan9

package nats_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"golang.org/x/sys/unix"

	bridge "github.com/isthmus-go/isthmus/bridge/nats"
	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/ring"
)

// nsDialer dials from another network namespace.
type nsDialer struct{ path string }

func (d nsDialer) Dial(network, address string) (net.Conn, error) {
	type result struct {
		c   net.Conn
		err error
	}
	done := make(chan result)
	go func() {
		runtime.LockOSThread() // and never unlock: the thread ends with the goroutine
		f, err := os.Open(d.path)
		if err == nil {
			defer f.Close()
			err = unix.Setns(int(f.Fd()), unix.CLONE_NEWNET)
		}
		if err != nil {
			done <- result{nil, err}
			return
		}
		c, err := net.Dial(network, address)
		done <- result{c, err}
	}()
	r := <-done
	return r.c, r.err
}

// The producer and its bridge are here, the other bridge and two consumers behind a network.
func TestAnotherNetwork(t *testing.T) {
	name := fmt.Sprintf("isthmus%d", os.Getpid())
	near, far := fmt.Sprintf("isa%d", os.Getpid()%1e6), fmt.Sprintf("isb%d", os.Getpid()%1e6)
	t.Cleanup(func() { exec.Command("ip", "netns", "del", name).Run() })
	subnet := fmt.Sprintf("10.213.%d.", os.Getpid()%256)
	for _, args := range [][]string{{"netns", "add", name}, {"link", "add", near, "type", "veth", "peer", "name", far, "netns", name},
		{"addr", "add", subnet + "1/24", "dev", near}, {"link", "set", near, "up"},
		{"-n", name, "addr", "add", subnet + "2/24", "dev", far}, {"-n", name, "link", "set", far, "up"}} {
		if out, err := exec.Command("ip", args...).CombinedOutput(); err != nil {
			t.Skipf("needs CAP_NET_ADMIN and CAP_SYS_ADMIN: ip %v: %v %s", args, err, out)
		}
	}
	s := newStage(t, 1<<20, jetstream.StreamConfig{})
	gate := serve(t, subnet+"1", -1, t.TempDir(), 1<<20)
	defer func() { gate.Shutdown(); gate.WaitForShutdown() }()
	js := proctest.Must(jetstream.New(connect(t, gate.ClientURL())))(t)
	defer js.Conn().Close()
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	proctest.Must(js.CreateStream(ctx, jetstream.StreamConfig{Name: "S", Subjects: []string{"s.>"}}))(t)
	nc := proctest.Must(nats.Connect(gate.ClientURL(), nats.SetCustomDialer(nsDialer{"/var/run/netns/" + name})))(t)
	defer nc.Close()
	fjs := proctest.Must(jetstream.New(nc))(t)

	a := proctest.Must(ring.NewSPSC[uint64](s.seg, "a", 64))(t)
	b := proctest.Must(ring.NewMPMC[uint64](s.seg, "b", 64))(t)
	p, c := proctest.Must(a.Producer())(t), proctest.Must(a.Consumer())(t)
	sent := proctest.Go(func() error { return bridge.Forward(ctx, bridge.FromSPSC(s.seg, "a", c), js, "s.a", nil) })
	got := proctest.Go(func() error { return bridge.Receive(ctx, consumer(t, fjs), bridge.ToMPMC(s.seg, "b", b), nil) })
	const n = 1000
	numbers := make(chan uint64, n)
	for range 2 {
		go func() {
			for v, err := range b.All(ctx) {
				if err == nil {
					numbers <- v
				}
			}
		}()
	}
	for i := range uint64(n) {
		proctest.Check(t, p.Push(ctx, i))
	}
	seen := map[uint64]bool{}
	for range n {
		seen[proctest.Result(t, numbers)] = true
	}
	if len(seen) != n {
		t.Errorf("%d different messages of %d", len(seen), n)
	}
	stop()
	proctest.Result(t, sent)
	proctest.Result(t, got)
}
