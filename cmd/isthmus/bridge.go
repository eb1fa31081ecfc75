//go:build !plan9

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/spf13/cobra"

	bridge "github.com/isthmus-go/isthmus/bridge/nats"
	"github.com/isthmus-go/isthmus/ring"
	"github.com/isthmus-go/isthmus/shm"
)

// BridgeConfig is the config file of isthmus bridge.
type BridgeConfig struct {
	Server      string // the URL of the server
	Credentials string // a file, if the server wants them
	DeadLetter  string // a subject, for what cannot go on
	Window      int
	Forward     []ForwardConfig
	Receive     []ReceiveConfig
}

// ForwardConfig is a ring whose messages are published.
type ForwardConfig struct{ Segment, Ring, Subject string }

// ReceiveConfig is a ring that gets what a durable consumer has.
type ReceiveConfig struct{ Stream, Consumer, Segment, Ring string }

// Bridged are the counts of one bridge.
type Bridged struct {
	Ring    string
	Metrics json.RawMessage
}

func (c *cli) bridge() *cobra.Command {
	var every time.Duration
	cmd := &cobra.Command{
		Use: "bridge CONFIG", Short: "Continue rings in a stream of NATS JetStream", Args: cobra.ExactArgs(1),
		Long: `Bridge carries messages between rings and streams, until it is interrupted or a bridge fails. Messages
of forwarded rings stay in the ring until the stream has them. The rings are those of bytes (Bytes
and BytesMPMC) and have to exist: a ring of a Go type needs a program that has the type, see package
bridge/nats. The config file is JSON:

  {"Server": "nats://host:4222", "DeadLetter": "dead", "Window": 512,
   "Forward": [{"Segment": "shop", "Ring": "orders", "Subject": "shop.orders"}],
   "Receive": [{"Stream": "SHOP", "Consumer": "far", "Segment": "shop", "Ring": "answers"}]}

With -metrics it writes the counts of each bridge again and again, a line of JSON for each.`,
		RunE: func(_ *cobra.Command, args []string) error {
			text, err := os.ReadFile(args[0])
			if err != nil {
				return err
			}
			var cfg BridgeConfig
			if err := json.Unmarshal(text, &cfg); err != nil {
				return fmt.Errorf("%s: %w", args[0], err)
			}
			return c.runBridges(interrupted(), cfg, every)
		},
	}
	cmd.Flags().DurationVar(&every, "metrics", 0, "how often to write the counts, 0 for never")
	return cmd
}

// runBridges runs all bridges of a config. The first that fails ends the others.
func (c *cli) runBridges(ctx context.Context, cfg BridgeConfig, every time.Duration) error {
	opts := []nats.Option{nats.MaxReconnects(-1), nats.RetryOnFailedConnect(true)}
	if cfg.Credentials != "" {
		opts = append(opts, nats.UserCredentials(cfg.Credentials))
	}
	nc, err := nats.Connect(cfg.Server, opts...)
	if err != nil {
		return err
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var all sync.WaitGroup
	begin := func(name string, run func(o *bridge.Options) error) {
		o := &bridge.Options{Window: cfg.Window, DeadLetter: cfg.DeadLetter, JetStream: js, Metrics: new(bridge.Metrics)}
		all.Go(func() {
			if err := run(o); err != nil {
				stop(err)
			}
		})
		if every > 0 {
			all.Go(func() { c.tell(ctx, every, name, o.Metrics) })
		}
	}
	for _, f := range cfg.Forward {
		begin(f.Segment+"/"+f.Ring, func(o *bridge.Options) error { return c.forward(ctx, js, f, o) })
	}
	for _, r := range cfg.Receive {
		begin(r.Segment+"/"+r.Ring, func(o *bridge.Options) error { return c.receive(ctx, js, r, o) })
	}
	all.Wait()
	if err := context.Cause(ctx); !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

// writing keeps the lines of several bridges apart.
var writing sync.Mutex

func (c *cli) tell(ctx context.Context, every time.Duration, name string, m *bridge.Metrics) {
	t := time.NewTicker(every)
	defer t.Stop()
	for {
		select {
		case <-t.C:
		case <-ctx.Done():
			return
		}
		writing.Lock()
		err := writeJSON(c.out, Bridged{name, json.RawMessage(m.String())}, true)
		writing.Unlock()
		if err != nil {
			return
		}
	}
}

// opened opens a segment, and tells the kind and capacity of a ring in it.
func (c *cli) opened(segment, name string) (s *shm.Segment, kind string, capacity int, err error) {
	info, err := shm.Inspect(segment, c.options())
	if err != nil {
		return nil, "", 0, err
	}
	for _, o := range info.Objects {
		if o.Name == name {
			s, err := shm.Open(segment, c.options())
			return s, o.Kind, int(o.Capacity), err
		}
	}
	return nil, "", 0, fmt.Errorf("segment %q has no ring %q: %w", segment, name, os.ErrNotExist)
}

func (c *cli) forward(ctx context.Context, js jetstream.JetStream, f ForwardConfig, o *bridge.Options) error {
	s, kind, capacity, err := c.opened(f.Segment, f.Ring)
	if err != nil {
		return err
	}
	defer s.Close()
	var from *bridge.Source
	switch kind {
	case "byte ring":
		r, err := ring.NewBytes(s, f.Ring, capacity)
		if err != nil {
			return err
		}
		end, err := r.Consumer()
		if err != nil {
			return err
		}
		from = bridge.FromBytes(s, f.Ring, end)
	case "MPMC byte ring":
		r, err := ring.NewBytesMPMC(s, f.Ring, capacity)
		if err != nil {
			return err
		}
		from = bridge.FromBytesMPMC(s, f.Ring, r)
	default:
		return fmt.Errorf("%s is of kind %q: only rings of bytes can be bridged from a config", f.Ring, kind)
	}
	return bridge.Forward(ctx, from, js, f.Subject, o)
}

func (c *cli) receive(ctx context.Context, js jetstream.JetStream, r ReceiveConfig, o *bridge.Options) error {
	s, kind, capacity, err := c.opened(r.Segment, r.Ring)
	if err != nil {
		return err
	}
	defer s.Close()
	var to *bridge.Sink
	switch kind {
	case "byte ring":
		b, err := ring.NewBytes(s, r.Ring, capacity)
		if err != nil {
			return err
		}
		end, err := b.Producer()
		if err != nil {
			return err
		}
		to = bridge.ToBytes(s, r.Ring, end)
	case "MPMC byte ring":
		b, err := ring.NewBytesMPMC(s, r.Ring, capacity)
		if err != nil {
			return err
		}
		to = bridge.ToBytesMPMC(s, r.Ring, b)
	default:
		return fmt.Errorf("%s is of kind %q: only rings of bytes can be bridged from a config", r.Ring, kind)
	}
	consumer, err := js.Consumer(ctx, r.Stream, r.Consumer)
	if err != nil {
		return err
	}
	return bridge.Receive(ctx, consumer, to, o)
}
