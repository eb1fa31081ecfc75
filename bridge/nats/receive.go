package nats

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"slices"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/isthmus-go/isthmus/ring"
	"github.com/isthmus-go/isthmus/shm"
)

// The protocol of Receive.
//
// Invariants
//
//  1. A message is acknowledged only after it is in the ring, or its dead letter is stored.
//  2. Messages go into the ring by rising stream sequence, and none while one with a lower
//     sequence was delivered and is neither in the ring nor in hand. The consumer sequence tells
//     if one is missing. Then what comes is held, until the server has no message pending that
//     is not in hand, and goes on in order.
//  3. Before a push, the Value RING.from takes the message's stream sequence and where the
//     ring ends. A death between that and the push leaves the ring's end where it was: the
//     successor knows that the message is not in the ring. A death after the push leaves it
//     further on: the successor only acknowledges what is delivered again. Where others push as well
//     (MPMC, BytesMPMC), the end says nothing, and the Value takes the sequence after the push.

// receiver is one call of Receive.
type receiver struct {
	*Sink
	Options
	consumer jetstream.Consumer
	state    *shm.Value[received]
	done     received
	expected uint64                   // consumer sequence of the next message, 0 if it is not known
	holding  bool                     // one is missing
	held     map[uint64]jetstream.Msg // by stream sequence
}

// Receive takes the messages of a JetStream consumer and pushes them to a ring, until ctx ends or
// something fails that does not pass by itself. It acknowledges each after its push. A full ring makes
// it wait: the stream then holds what the ring cannot.
//
// The consumer must acknowledge explicitly (AckExplicitPolicy), with no limit of deliveries. Its AckWait
// is how long the successor of a bridge that died waits for what was under way. Receive must
// be the only one that takes from the consumer and, but for an MPMC or BytesMPMC, the only one
// that pushes to the ring, also between two calls.
func Receive(ctx context.Context, jsConsumer jetstream.Consumer, producer *Sink, opts *Options) error {
	r := &receiver{Sink: producer, Options: opts.filled(), consumer: jsConsumer, held: map[uint64]jetstream.Msg{}}
	err := r.run(ctx)
	if ctx.Err() != nil {
		err = ctx.Err()
	}
	return fmt.Errorf("isthmus: bridge to %s: %w", producer.name, err)
}

func (r *receiver) run(ctx context.Context) (err error) {
	if r.state, err = shm.NewValue[received](r.segment, r.name+".from"); err != nil {
		return err
	}
	if r.done = r.state.Load(); r.position != nil && r.done.Seq != 0 && r.position() <= r.done.Pos {
		r.done.Seq-- // its push has not been
	}
	info, err := r.ask(ctx)
	if err != nil {
		return err
	}
	if c := info.Config; c.AckPolicy != jetstream.AckExplicitPolicy || c.MaxDeliver > 0 {
		return fmt.Errorf("%w: want AckExplicitPolicy and no MaxDeliver", ErrConsumer)
	}
	if info.NumAckPending > 0 {
		r.holding = true
	}
	r.expected = info.Delivered.Consumer + 1
	messages, err := r.consumer.Messages(jetstream.PullMaxMessages(r.Window))
	if err != nil {
		return err
	}
	defer messages.Stop()
	for {
		wait, cancel := ctx, func() {}
		if r.holding {
			wait, cancel = context.WithTimeout(ctx, r.RetryWait)
		}
		m, err := messages.Next(jetstream.NextContext(wait))
		late := wait.Err() != nil
		cancel()
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err == nil:
			err = r.take(ctx, m)
		case late:
			err = nil
		case errors.Is(err, jetstream.ErrNoHeartbeat):
			r.retry(err)
			err = nil
		}
		if err == nil && r.holding {
			err = r.settle(ctx)
		}
		if err != nil {
			return err
		}
	}
}

// take takes a message that was delivered.
func (r *receiver) take(ctx context.Context, m jetstream.Msg) error {
	md, err := m.Metadata()
	if err != nil {
		return err
	}
	if md.Sequence.Consumer != r.expected {
		r.holding = true
	}
	r.expected = md.Sequence.Consumer + 1
	switch {
	case r.passed(md):
		r.Metrics.Repeated.Add(1)
		return m.Ack()
	case r.holding:
		r.held[md.Sequence.Stream] = m
		r.Metrics.UnderWay.Store(int64(len(r.held)))
		return nil
	default:
		return r.pass(ctx, m, md)
	}
}

// passed reports whether a message is in the ring already. A stream that was deleted and made again
// has the same sequences, at later times.
func (r *receiver) passed(md *jetstream.MsgMetadata) bool {
	return streamOf(md) == r.done.Stream && md.Sequence.Stream <= r.done.Seq && md.Timestamp.UnixNano() <= r.done.Time
}

// streamOf returns a number for a stream, which is not 0.
func streamOf(md *jetstream.MsgMetadata) uint64 {
	h := fnv.New64a()
	fmt.Fprintf(h, "%s/%s", md.Domain, md.Stream)
	return h.Sum64() | 1
}

// settle passes on what is held, once the server has nothing pending that is not in hand.
func (r *receiver) settle(ctx context.Context) error {
	info, err := r.ask(ctx)
	if err != nil {
		return err
	}
	// A server that was killed may have forgotten deliveries. What it has not delivered, by what it
	// remembers, comes again: it does not count.
	seqs := make([]uint64, 0, len(r.held))
	for seq := range r.held {
		if seq > info.AckFloor.Stream && seq <= info.Delivered.Stream {
			seqs = append(seqs, seq)
		}
	}
	if info.NumAckPending > len(seqs) {
		return nil
	}
	slices.SortFunc(seqs, cmp.Compare)
	for _, seq := range seqs {
		m := r.held[seq]
		md, err := m.Metadata()
		if err == nil {
			err = r.pass(ctx, m, md)
		}
		if err != nil {
			return err
		}
	}
	clear(r.held)
	r.holding = false
	r.expected = info.Delivered.Consumer + 1
	r.Metrics.UnderWay.Store(0)
	return nil
}

// ask asks the server about the consumer, until there is an answer.
func (r *receiver) ask(ctx context.Context) (*jetstream.ConsumerInfo, error) {
	for {
		limit, cancel := context.WithTimeout(ctx, r.AckWait)
		info, err := r.consumer.Info(limit)
		cancel()
		switch {
		case err == nil || ctx.Err() != nil || isGone(err):
			return info, err
		case errors.Is(err, nats.ErrConnectionClosed):
			return nil, jetstream.ErrConnectionClosed // as Next says it
		}
		r.retry(err)
		sleep(ctx, r.RetryWait)
	}
}

// isGone reports whether there is no such consumer.
func isGone(err error) bool {
	return errors.Is(err, jetstream.ErrConsumerNotFound) || errors.Is(err, jetstream.ErrConsumerDeleted) ||
		errors.Is(err, jetstream.ErrStreamNotFound)
}

// pass pushes a message, and acknowledges it.
func (r *receiver) pass(ctx context.Context, m jetstream.Msg, md *jetstream.MsgMetadata) error {
	next := received{Stream: streamOf(md), Seq: md.Sequence.Stream, Time: md.Timestamp.UnixNano()}
	if r.position != nil {
		next.Pos = r.position()
		r.state.Store(next)
	}
	var err error
	if t := m.Headers().Get(HeaderType); t != r.fingerprint {
		err = fmt.Errorf("%w: %q, want %q", ErrType, t, r.fingerprint)
	} else {
		err = r.push(ctx, m.Data())
	}
	if errors.Is(err, ErrType) || errors.Is(err, ErrLength) || errors.Is(err, ring.ErrTooLarge) {
		if err = r.bury(ctx, m, md, err); err != nil {
			return err
		}
	} else if err != nil {
		return err
	} else {
		r.Metrics.Passed.Add(1)
		r.Metrics.Bytes.Add(uint64(len(m.Data())))
	}
	r.done = next
	if r.position == nil {
		r.state.Store(next)
	}
	return m.Ack()
}

// bury sends a message to the dead letters.
func (r *receiver) bury(ctx context.Context, m jetstream.Msg, md *jetstream.MsgMetadata, why error) error {
	if r.DeadLetter == "" || r.JetStream == nil {
		return fmt.Errorf("message %d of stream %s: %w", md.Sequence.Stream, md.Stream, why)
	}
	origin := fmt.Sprintf("%s.%d.%d", md.Stream, md.Sequence.Stream, md.Timestamp.UnixNano())
	letter := &nats.Msg{Subject: r.DeadLetter, Data: m.Data(), Header: nats.Header{
		HeaderType: {m.Headers().Get(HeaderType)}, HeaderOrigin: {origin}, HeaderReason: {why.Error()}}}
	for {
		err := deadLetter(ctx, r.JetStream, letter, r.AckWait)
		if err == nil {
			r.Metrics.DeadLetters.Add(1)
			return nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		r.retry(err)
		sleep(ctx, r.RetryWait)
	}
}
