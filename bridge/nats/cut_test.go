//go:build !plan9

package nats_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	bridge "github.com/isthmus-go/isthmus/bridge/nats"
	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/ring"
)

// The tests of this file stop a bridge at each of its steps in turn, twice, as a death would: nothing
// is done after it. Then another goes on.

var errCut = errors.New("cut")

// cutter stops a bridge at the n-th step.
type cutter struct{ n int }

func (c *cutter) step() {
	if c.n--; c.n == 0 {
		panic(errCut)
	}
}

// run runs a bridge, until it ends or is stopped.
func (c *cutter) run(bridge func() error) (err error) {
	defer func() {
		if r := recover(); r == errCut {
			err = errCut
		} else if r != nil {
			panic(r)
		}
	}()
	return bridge()
}

// What a Forward had under way is stored once, and in order.
func TestForwardCut(t *testing.T) {
	const messages = 8
	s := newStage(t, 1<<20, jetstream.StreamConfig{})
	ctx := context.Background()
	cut := true
	for n := 1; cut; n++ {
		name := fmt.Sprint("ring", n)
		r := proctest.Must(ring.NewSPSC[uint64](s.seg, name, messages))(t)
		p := proctest.Must(r.Producer())(t)
		for i := range uint64(messages) {
			proctest.Check(t, p.TryPush(i))
		}
		proctest.Check(t, p.Close())
		forward := func(at *cutter) error {
			c := proctest.Must(r.Consumer())(t)
			defer c.Detach()
			return at.run(func() error {
				return bridge.Forward(ctx, bridge.FromSPSC(s.seg, name, c).Stepped(at.step), s.js, "s."+name, &bridge.Options{Window: 3})
			})
		}
		cut = forward(&cutter{n}) == errCut
		forward(&cutter{n})
		proctest.Check(t, forward(&cutter{}))
		storedIs(t, s, messages)
		proctest.Check(t, s.stream.Purge(ctx))
		if n <= 2*messages && !cut {
			t.Fatalf("there is no step %d", n)
		}
	}
}

// What was delivered to a Receive is pushed once, and in order. Only an MPMC may have a message again,
// for each Receive that was stopped between its push and the note of it.
func TestReceiveCut(t *testing.T) {
	const messages = 6
	s := newStage(t, 1<<20, jetstream.StreamConfig{})
	r, c := near(t, s, 0, messages)
	forwarding(t, s, c, nil, func() bool { return r.Len() == 0 })
	for _, kind := range []string{"SPSC", "MPMC"} {
		t.Run(kind, func(t *testing.T) {
			cut := true
			for n := 1; cut; n++ {
				cut = receiveCut(t, s, kind, n, messages)
				if n <= 3*messages && !cut {
					t.Fatalf("there is no step %d", n)
				}
			}
		})
	}
}

// receiveCut stops two bridges at the n-th step, and reports whether the first had as many.
func receiveCut(t *testing.T, s *stage, kind string, n int, messages uint64) (cut bool) {
	name := fmt.Sprint(kind, n)
	var to *bridge.Sink
	var pop func() (uint64, error)
	if kind == "SPSC" {
		far := proctest.Must(ring.NewSPSC[uint64](s.seg, name, 16))(t)
		to, pop = bridge.ToSPSC(s.seg, name, proctest.Must(far.Producer())(t)), proctest.Must(far.Consumer())(t).TryPop
	} else {
		far := proctest.Must(ring.NewMPMC[uint64](s.seg, name, 16))(t)
		to, pop = bridge.ToMPMC(s.seg, name, far), far.TryPop
	}
	ctx := context.Background()
	cons := proctest.Must(s.stream.CreateConsumer(ctx, jetstream.ConsumerConfig{Durable: name,
		AckPolicy: jetstream.AckExplicitPolicy, AckWait: 50 * time.Millisecond}))(t)
	defer s.stream.DeleteConsumer(ctx, name)
	acknowledged := func() bool { return proctest.Must(cons.Info(ctx))(t).AckFloor.Stream == messages }
	unnoted := 0
	receive := func(at *cutter) error {
		ctx, stop := context.WithCancel(ctx)
		defer stop()
		pushed := func() {
			if at.n == 1 {
				unnoted++
			}
			at.step()
		}
		done := proctest.Go(func() error {
			return at.run(func() error {
				return bridge.Receive(ctx, stepped{cons, at}, to.Stepped(at.step, pushed), &bridge.Options{RetryWait: time.Millisecond})
			})
		})
		ended := false
		var err error
		proctest.Until(t, "all are acknowledged", func() bool {
			select {
			case err = <-done:
				ended = true
			default:
			}
			return ended || acknowledged()
		})
		stop()
		if !ended {
			err = proctest.Result(t, done)
		}
		return err
	}
	cut = receive(&cutter{n}) == errCut
	receive(&cutter{n})
	proctest.WantError(t, "Receive", receive(&cutter{}), context.Canceled)
	repeated := 0
	for want := uint64(0); ; {
		v, err := pop()
		switch {
		case errors.Is(err, ring.ErrEmpty) && want == messages:
			if repeated > 0 && (kind == "SPSC" || repeated > unnoted) {
				t.Errorf("cut at step %d: %d messages came again", n, repeated)
			}
			return cut
		case err == nil && v == want:
			want++
		case err == nil && v+1 == want:
			repeated++
		default:
			t.Fatalf("cut at step %d: message %d is %d, %v", n, want, v, err)
		}
	}
}

// stepped is a consumer whose messages call step before and after they are acknowledged.
type stepped struct {
	jetstream.Consumer
	at *cutter
}

func (c stepped) Messages(opts ...jetstream.PullMessagesOpt) (jetstream.MessagesContext, error) {
	m, err := c.Consumer.Messages(opts...)
	return steppedMessages{m, c.at}, err
}

type steppedMessages struct {
	jetstream.MessagesContext
	at *cutter
}

func (m steppedMessages) Next(opts ...jetstream.NextOpt) (jetstream.Msg, error) {
	msg, err := m.MessagesContext.Next(opts...)
	return steppedMsg{msg, m.at}, err
}

type steppedMsg struct {
	jetstream.Msg
	at *cutter
}

func (m steppedMsg) Ack() error {
	m.at.step()
	err := m.Msg.Ack()
	m.at.step()
	return err
}

// A ring that is full keeps messages in the stream, unacknowledged: the next Receive gets them.
func TestFarFull(t *testing.T) {
	const messages, room = 10, 4
	s := newStage(t, 1<<20, jetstream.StreamConfig{})
	r, c := near(t, s, 0, messages)
	forwarding(t, s, c, nil, func() bool { return r.Len() == 0 })
	far := proctest.Must(ring.NewSPSC[uint64](s.seg, "far", room))(t)
	to := bridge.ToSPSC(s.seg, "far", proctest.Must(far.Producer())(t))
	cons := consumer(t, s.js)
	receive := func() (<-chan error, context.CancelFunc) {
		ctx, stop := context.WithCancel(context.Background())
		return proctest.Go(func() error { return bridge.Receive(ctx, cons, to, nil) }), stop
	}
	done, stop := receive()
	proctest.Until(t, "the ring is full", func() bool {
		info := proctest.Must(cons.Info(context.Background()))(t)
		return info.AckFloor.Stream >= room && info.NumPending == 0
	})
	stop()
	proctest.WantError(t, "Receive", proctest.Result(t, done), context.Canceled)
	if info := proctest.Must(cons.Info(context.Background()))(t); info.NumAckPending != messages-room {
		t.Errorf("%d messages are not acknowledged, want %d", info.NumAckPending, messages-room)
	}
	done, stop = receive()
	c2 := proctest.Must(far.Consumer())(t)
	ctx, _ := limited(t)
	for i := range uint64(messages) {
		if v, err := c2.Pop(ctx); v != i || err != nil {
			t.Fatalf("message %d is %d, %v", i, v, err)
		}
	}
	stop()
	proctest.Result(t, done)
}
