// Example is a producer of seeds on one machine, and consumers on another. Each runs as a process of
// its own:
//
//	example forward  URL      here: bridge from the ring "seeds" to the stream SEEDS
//	example producer          here: pushes seeds
//	example receive  URL      there: bridge from the stream to a ring
//	example consumer          there, twice: prints the seeds that it gets
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"os/signal"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	bridge "github.com/isthmus-go/isthmus/bridge/nats"
	"github.com/isthmus-go/isthmus/ring"
	"github.com/isthmus-go/isthmus/shm"
)

// Seed is what a worker begins with.
type Seed struct{ N, Value uint64 }

const size = 1 << 20

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if len(os.Args) < 2 {
		log.Fatal("usage: example forward|producer|receive|consumer [URL]")
	}
	if err := run(ctx, os.Args[1]); err != nil && ctx.Err() == nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, role string) error {
	s, err := shm.OpenOrCreate("seeds", size, nil)
	if err != nil {
		return err
	}
	defer s.Close()
	near, err := ring.NewMPMC[Seed](s, "near", 1024)
	if err != nil {
		return err
	}
	far, err := ring.NewMPMC[Seed](s, "far", 1024)
	if err != nil {
		return err
	}
	switch role {
	case "producer":
		for n := uint64(0); ; n++ {
			if err := near.Push(ctx, Seed{n, n * n}); err != nil {
				return err
			}
			time.Sleep(100 * time.Millisecond)
		}
	case "consumer":
		for seed, err := range far.All(ctx) {
			if err != nil {
				return err
			}
			fmt.Println(seed.N, seed.Value)
		}
		return nil
	}
	if len(os.Args) < 3 {
		return fmt.Errorf("%s: want the URL of the server", role)
	}
	nc, err := nats.Connect(os.Args[2], nats.MaxReconnects(-1))
	if err != nil {
		return err
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		return err
	}
	stream, err := js.CreateOrUpdateStream(ctx, jetstream.StreamConfig{Name: "SEEDS", Subjects: []string{"seeds"}})
	if err != nil {
		return err
	}
	switch role {
	case "forward":
		return bridge.Forward(ctx, bridge.FromMPMC(s, "near", near), js, "seeds", nil)
	case "receive":
		consumer, err := stream.CreateOrUpdateConsumer(ctx, jetstream.ConsumerConfig{
			Durable: "far", AckPolicy: jetstream.AckExplicitPolicy, AckWait: 5 * time.Second})
		if err != nil {
			return err
		}
		return bridge.Receive(ctx, consumer, bridge.ToMPMC(s, "far", far), nil)
	}
	return fmt.Errorf("no role %q", role)
}
