//go:build !plan9

package nats_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	bridge "github.com/isthmus-go/isthmus/bridge/nats"
	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/shm"
)

var (
	kills     = flag.Int("bridge.kills", 20, "how many processes TestStorm kills, from 100 on with each kind of ring in turn")
	stormKind = flag.String("bridge.kind", "", "the kind of ring in TestStorm, one at random if it is empty")
)

func openStorm(c *proctest.Child) (*shm.Segment, ends) {
	s := proctest.Must(shm.Open("storm", nil))(c)
	return s, openEnds(c, s, c.Arg(0))
}

// The ledger: a producer notes how many it has pushed, and the far end of each producer how many have come,
// and where the last was. What comes must be the next of its producer.
type taken struct{ Next, Pos uint64 }

func sentBy(t proctest.Fataler, s *shm.Segment, producer uint64) *shm.Value[uint64] {
	return proctest.Must(shm.NewValue[uint64](s, fmt.Sprint("sent", producer)))(t)
}

func takenOf(t proctest.Fataler, s *shm.Segment, producer uint64) *shm.Value[taken] {
	return proctest.Must(shm.NewValue[taken](s, fmt.Sprint("taken", producer)))(t)
}

var (
	_ = proctest.Register("server", func(c *proctest.Child) {
		serve(c, "127.0.0.1", number(c, 1), c.Arg(0), 1<<20)
		c.Send("ready")
		c.Expect("end")
	})

	_ = proctest.Register("producer", func(c *proctest.Child) {
		s, e := openStorm(c)
		push, id := e.producer(), uint64(number(c, 1))
		sent := sentBy(c, s, id)
		end := until(c)
		c.Send("ready")
		for seq := uint64(0); end.Err() == nil; time.Sleep(time.Millisecond) { // a pace
			for range 10 {
				proctest.Check(c, push(context.Background(), message{id, seq}))
				seq++
				sent.Store(seq)
			}
		}
		proctest.Check(c, s.Close())
	})

	_ = proctest.Register("consumer", func(c *proctest.Child) {
		s, e := openStorm(c)
		take := e.consumer()
		ledgers := map[uint64]*shm.Value[taken]{}
		repeated := proctest.Must(shm.NewValue[uint64](s, "repeated"))(c)
		c.Send("ready")
		go func() {
			c.Expect("end")
			os.Exit(0)
		}()
		for {
			a := proctest.Must(take(context.Background()))(c)
			ledger := ledgers[a.Producer]
			if ledger == nil {
				ledger = takenOf(c, s, a.Producer)
				ledgers[a.Producer] = ledger
			}
			switch was := ledger.Load(); {
			case a.Seq == was.Next:
				ledger.Store(taken{a.Seq + 1, a.pos})
			case a.Seq+1 == was.Next && a.pos == was.Pos: // a consumer was killed before it released it
			case a.Seq+1 == was.Next:
				repeated.Update(func(n uint64) uint64 { return n + 1 })
			default:
				c.Fatalf("message %d of producer %d has come instead of %d", a.Seq, a.Producer, was.Next)
			}
			proctest.Check(c, a.release())
		}
	})

	_ = proctest.Register("forward", func(c *proctest.Child) {
		s, e := openStorm(c)
		js := proctest.Must(jetstream.New(connect(c, c.Arg(1))))(c)
		from := e.source()
		c.Send("ready")
		err := bridge.Forward(until(c), from, js, "s.a", &bridge.Options{Window: 100, AckWait: time.Second})
		if !errors.Is(err, context.Canceled) {
			c.Fatalf("Forward has ended: %v", err)
		}
		proctest.Check(c, s.Close())
	})

	_ = proctest.Register("receive", func(c *proctest.Child) {
		s, e := openStorm(c)
		js := proctest.Must(jetstream.New(connect(c, c.Arg(1))))(c)
		to := e.sink()
		c.Send("ready")
		ctx := until(c)
		for ctx.Err() == nil {
			cons, err := js.Consumer(ctx, "S", "C")
			if err != nil {
				time.Sleep(10 * time.Millisecond)
				continue
			}
			bridge.Receive(ctx, cons, to, &bridge.Options{Window: 100})
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

// TestStorm kills the producers, both bridges, the consumer and the server at random: nothing is lost,
// repeated or out of order. Two exceptions are documented. A message that was pushed to a shared ring may be
// repeated if its Receive is killed. And what a consumer of such a ring had when it was killed comes out of
// order, so there the consumer lives.
func TestStorm(t *testing.T) {
	rnd := proctest.Random(t)
	kinds := stormKinds
	if *stormKind != "" {
		kinds = []string{*stormKind}
	} else if *kills < 100 {
		i := rnd.IntN(len(kinds))
		kinds = kinds[i : i+1]
	}
	for _, kind := range kinds {
		t.Run(kind, func(t *testing.T) { storm(t, rnd, kind, *kills/len(kinds)) })
	}
}

func storm(t *testing.T, rnd *rand.Rand, kind string, kills int) {
	proctest.Dir(t)
	ctx := context.Background()
	seg := proctest.Must(shm.Create("storm", 4<<20, nil))(t)
	defer func() { seg.Close(); shm.Remove("storm", nil) }()
	openEnds(t, seg, kind)
	if kind == "Broadcast" {
		defer guard(t, seg)()
	}
	port, dir := freePort(t), t.TempDir()
	url := fmt.Sprintf("nats://127.0.0.1:%d", port)
	producers := uint64(0)
	procs := map[string]*proctest.Proc{}
	begin := func(name string) {
		switch name {
		case "server":
			procs[name] = proctest.Start(t, name, dir, strconv.Itoa(port))
		case "producer", "producer2":
			procs[name] = proctest.Start(t, "producer", kind, fmt.Sprint(producers))
			producers++
		case "consumer":
			procs[name] = proctest.Start(t, name, kind)
		default:
			procs[name] = proctest.Start(t, name, kind, url)
		}
		procs[name].Expect("ready")
	}
	begin("server")
	nc := connect(t, url)
	defer nc.Close()
	js := proctest.Must(jetstream.New(nc))(t)
	proctest.Must(js.CreateStream(ctx, jetstream.StreamConfig{Name: "S", Subjects: []string{"s.>"}, MaxMsgs: 2_000_000}))(t)
	consumer(t, js)
	weights := []string{"producer", "forward", "forward", "forward", "receive", "receive", "receive", "server"}
	alive := []string{"producer", "forward", "receive", "consumer"}
	if isShared(kind) {
		weights, alive = append(weights, "producer2"), append(alive, "producer2")
	} else {
		weights = append(weights, "consumer")
	}
	for _, name := range alive {
		begin(name)
	}
	received := uint64(0)
	for range kills {
		name := weights[rnd.IntN(len(weights))]
		time.Sleep(time.Duration(rnd.IntN(150)) * time.Millisecond) // at any moment
		procs[name].Kill()
		if name == "receive" {
			received++
		}
		begin(name)
	}
	end := func(names ...string) {
		for _, name := range names {
			if procs[name] != nil {
				procs[name].Send("end")
				procs[name].Wait()
			}
		}
	}
	end("producer", "producer2")
	total := uint64(0)
	for id := range producers {
		sent, got := sentBy(t, seg, id), takenOf(t, seg, id)
		proctest.Until(t, "all have arrived", func() bool { return got.Load().Next >= sent.Load() })
		if n := got.Load().Next; n > sent.Load()+1 { // it was killed before it had noted one
			t.Errorf("%d messages of producer %d have arrived of %d", n, id, sent.Load())
		}
		total += got.Load().Next
	}
	end("forward", "receive", "consumer", "server")
	repeated := proctest.Must(shm.NewValue[uint64](seg, "repeated"))(t).Load()
	if repeated > 0 && !isShared(kind) || repeated > received {
		t.Errorf("%d messages are repeated, %d bridges to the far ring killed", repeated, received)
	}
	t.Logf("%d kills, %d messages: none lost, %d repeated, all in order", kills, total, repeated)
}
