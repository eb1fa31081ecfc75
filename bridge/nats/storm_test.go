//go:build !plan9

package nats_test

import (
	"context"
	"flag"
	"fmt"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	bridge "github.com/isthmus-go/isthmus/bridge/nats"
	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/ring"
	"github.com/isthmus-go/isthmus/shm"
)

var kills = flag.Int("bridge.kills", 20, "how many processes TestStorm kills")

const stormCap = 256

func openStorm(c *proctest.Child) *shm.Segment { return proctest.Must(shm.Open("storm", nil))(c) }

func stormRing(t proctest.Fataler, s *shm.Segment, name string) *ring.SPSC[uint64] {
	return proctest.Must(ring.NewSPSC[uint64](s, name, stormCap))(t)
}

// The ledger of both ends is the position: the message at position n of the first ring is n, and so
// it has to be of the second. A message that is lost, repeated or out of order is not at its place.
var (
	_ = proctest.Register("server", func(c *proctest.Child) {
		serve(c, "127.0.0.1", number(c, 1), c.Arg(0), 1<<20)
		c.Send("ready")
		c.Expect("end")
	})

	_ = proctest.Register("producer", func(c *proctest.Child) {
		s := openStorm(c)
		p := proctest.Must(stormRing(c, s, "near").Producer())(c)
		limit := proctest.Must(shm.NewValue[uint64](s, "limit"))(c)
		c.Send("ready")
		for ; p.Position() < limit.Load(); time.Sleep(time.Millisecond) { // a pace
			for range 10 {
				proctest.Check(c, p.Push(context.Background(), p.Position()))
			}
		}
		c.Send("total", p.Position())
		c.Expect("end")
		proctest.Check(c, s.Close())
	})

	_ = proctest.Register("consumer", func(c *proctest.Child) {
		s := openStorm(c)
		r := proctest.Must(stormRing(c, s, "far").Consumer())(c)
		c.Send("ready")
		go func() {
			c.Expect("end")
			os.Exit(0)
		}()
		for {
			pos := r.Position()
			if v := proctest.Must(r.Next(context.Background()))(c); *v != pos {
				c.Fatalf("message %d at position %d", *v, pos)
			}
			proctest.Check(c, r.Release())
		}
	})

	_ = proctest.Register("forward", func(c *proctest.Child) {
		s := openStorm(c)
		js := proctest.Must(jetstream.New(connect(c, c.Arg(0))))(c)
		r := proctest.Must(stormRing(c, s, "near").Consumer())(c)
		c.Send("ready")
		err := bridge.Forward(until(c), bridge.FromSPSC(s, "near", r), js, "s.a", &bridge.Options{Window: 100, AckWait: time.Second})
		if err == nil {
			c.Fatalf("Forward has ended")
		}
		proctest.Check(c, s.Close())
	})

	_ = proctest.Register("receive", func(c *proctest.Child) {
		s := openStorm(c)
		js := proctest.Must(jetstream.New(connect(c, c.Arg(0))))(c)
		p := proctest.Must(stormRing(c, s, "far").Producer())(c)
		c.Send("ready")
		ctx := until(c)
		for ctx.Err() == nil {
			cons, err := js.Consumer(ctx, "S", "C")
			if err != nil {
				time.Sleep(10 * time.Millisecond)
				continue
			}
			bridge.Receive(ctx, cons, bridge.ToSPSC(s, "far", p), &bridge.Options{Window: 100})
		}
		proctest.Check(c, s.Close())
	})
)

// until returns a context that ends with the line "end".
func until(c *proctest.Child) context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	go func() { c.Expect("end"); cancel() }()
	return ctx
}

// TestStorm kills the producer, both bridges, the consumer and the server at random: nothing is lost,
// repeated or out of order.
func TestStorm(t *testing.T) {
	rnd := proctest.Random(t)
	proctest.Dir(t)
	seg := proctest.Must(shm.Create("storm", 1<<20, nil))(t)
	defer func() { seg.Close(); shm.Remove("storm", nil) }()
	limit := proctest.Must(shm.NewValue[uint64](seg, "limit"))(t)
	limit.Store(1 << 62)
	far := stormRing(t, seg, "far")
	port, dir := freePort(t), t.TempDir()
	url := fmt.Sprintf("nats://127.0.0.1:%d", port)
	start := map[string]func() *proctest.Proc{
		"server": func() *proctest.Proc { return proctest.Start(t, "server", dir, strconv.Itoa(port)) },
	}
	for _, name := range []string{"producer", "consumer"} {
		start[name] = func() *proctest.Proc { return proctest.Start(t, name) }
	}
	for _, name := range []string{"forward", "receive"} {
		start[name] = func() *proctest.Proc { return proctest.Start(t, name, url) }
	}
	procs := map[string]*proctest.Proc{}
	begin := func(name string) {
		procs[name] = start[name]()
		procs[name].Expect("ready")
	}
	begin("server")
	nc := connect(t, url)
	defer nc.Close()
	js := proctest.Must(jetstream.New(nc))(t)
	proctest.Must(js.CreateStream(context.Background(), jetstream.StreamConfig{Name: "S", Subjects: []string{"s.>"}, MaxMsgs: 2_000_000}))(t)
	consumer(t, js)
	names := []string{"producer", "forward", "receive", "consumer", "server"}
	for _, name := range append([]string{}, names[:4]...) {
		begin(name)
	}
	weights := []string{"producer", "forward", "forward", "forward", "receive", "receive", "receive", "consumer", "server"}
	for range *kills {
		name := weights[rnd.IntN(len(weights))]
		time.Sleep(time.Duration(rnd.IntN(150)) * time.Millisecond) // at any moment
		procs[name].Kill()
		begin(name)
	}
	limit.Store(0)
	procs["producer"].Send("end")
	var total uint64
	fmt.Sscanf(procs["producer"].Recv(), "total %d", &total)
	proctest.Until(t, "all have arrived", func() bool { return far.Stats().Popped >= total })
	for _, name := range names {
		if name != "producer" {
			procs[name].Send("end")
		}
		procs[name].Wait()
	}
	if n := far.Stats().Popped; n != total {
		t.Errorf("%d messages have arrived of %d", n, total)
	}
	t.Logf("%d kills, %d messages: none lost, none repeated, all in order", *kills, total)
}
