package nats

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/isthmus-go/isthmus/ring"
)

// The protocol of Forward.
//
// States of a message: in the ring, lent (in queue, in the order of the ring), under way (published
// in this session), settled (covered by a PubAck, or refused), released.
//
// Invariants
//
//  1. A message is released only after a PubAck that covers it, or after its dead letter's, and only
//     when all before it are.
//  2. Each message of a session but the first is published with Nats-Expected-Last-Msg-Id, the id
//     of the one before. The server stores it only directly behind that one. So a hole
//     lets nothing overtake: what comes after it is refused. To a replicated stream, each is
//     published only when the one before is stored, and expects nothing: see below.
//  3. A session ends at its first failure. The next one begins with the first message that is not
//     released, without an expectation: all before it are stored. Another writer of the stream
//     makes the expectation fail: that costs a session, and breaks no order.
//  4. A message keeps its id, in every session and every bridge. The server stores an id once in
//     its window. Where positions only rise, the last message of the subject tells how far an
//     earlier session has come (Invariant 2: all before it are stored), however long ago.
//  5. Where positions only rise, a PubAck covers all before it in its session: the server has stored
//     it behind them (Invariant 2), or in an earlier session (Invariant 4). So only the last of a group,
//     and the last before a wait, asks for one. Each message that an earlier session has lent asks, so
//     that one that the server refuses is named, and is not only a hole. Where the dead leave messages
//     out of order (MPMC), each asks.
//
// A death leaves published messages in the ring: the successor finds them there.
//
// A replicated stream (nats-server 2.15) looks at the expected id only when it applies a message that a
// majority has. A server whose last id is another takes that for a write error, and the stream stands
// still. The last id differs behind a hole, and on a server that has caught up with the others (it
// does not note the id of what it gets that way). Nats-Expected-Last-Sequence is looked at in
// time, but does not close a hole: a message of another writer takes the place of one of ours, and the
// next one fits. Its PubAck would even cover the one that is missing. So a session asks first what stream
// it has. What it cannot see: that the stream is replicated, or moved, while the session lasts.

// The headers of a message.
const (
	HeaderType   = "Isthmus-Type"   // fingerprint of the type, or "bytes"
	HeaderMissed = "Isthmus-Missed" // how many messages a subscriber missed before this one
	HeaderReason = "Isthmus-Reason" // of a dead letter: why
	HeaderOrigin = "Isthmus-Origin" // of a dead letter: id or stream sequence of the message
	HeaderPart   = "Isthmus-Part"   // of a dead letter in parts: 2/3 is the second of three
)

// forwarder is one call of Forward.
type forwarder struct {
	*Source
	Options
	js      jetstream.JetStream
	subject string
	over    error // why no more come
}

// Forward takes messages from a ring in place and publishes them on the subject, until the ring is
// closed and drained, or ctx ends. It returns nil in the first case.
//
// While the server cannot be reached, refuses messages or has no stream for the subject, Forward
// tries again: the messages stay in the ring, and a full ring stops its producers. It fails if the
// connection is closed for good.
//
// Other writers of the stream cost speed, and break no order: give each its own stream. Two bridges at one ring
// (an MPMC) share its messages. Each is stored once, but there is no order between those of the one and of
// the other.
func Forward(ctx context.Context, consumer *Source, js jetstream.JetStream, subject string, opts *Options) error {
	f := &forwarder{Source: consumer, Options: opts.filled(), js: js, subject: subject}
	if err := f.identify(); err != nil {
		return fmt.Errorf("isthmus: bridge from %s: %w", consumer.name, err)
	}
	if f.gather != nil && len(f.queue) == 0 {
		f.over = f.gather(ctx)
	}
	for {
		err := f.session(ctx)
		if f.over != nil && len(f.queue) == 0 {
			if err = f.over; errors.Is(err, ring.ErrClosed) {
				f.state.Store(sent{ID: newID()}) // a ring of that name begins anew
				f.id = ""
				return nil
			}
		}
		var fatal *fatalError
		switch {
		case ctx.Err() != nil:
			err = ctx.Err()
		case f.over != nil && len(f.queue) == 0:
		case errors.As(err, &fatal):
			err = fatal.error
		case f.js.Conn().IsClosed(): // for good
			err = jetstream.ErrConnectionClosed
		default:
			f.retry(err)
			if !errors.Is(err, errOvertaken) {
				sleep(ctx, f.RetryWait)
			}
			continue
		}
		return fmt.Errorf("isthmus: bridge from %s: %w", consumer.name, err)
	}
}

// fatalError ends Forward.
type fatalError struct{ error }

// session publishes from the first message that is not released, until something fails.
func (f *forwarder) session(ctx context.Context) error {
	each := len(f.queue)
	if err := f.lend(ctx, 1); err != nil || len(f.queue) == 0 {
		return cmp.Or(err, f.over)
	}
	stream, err := f.stream(ctx)
	if err != nil {
		return err
	}
	if f.rising {
		f.resume(ctx, stream)
		each = min(each, len(f.queue))
	} else {
		each = math.MaxInt // Invariant 5
	}
	o := f.Options
	if stream.CachedInfo().Config.Replicas > 1 {
		o.Window = 1 // Invariant 2
	}
	w, err := newWindow(f.js, &o, each)
	if err != nil {
		return &fatalError{err}
	}
	defer func() { w.close(); f.Metrics.UnderWay.Store(0) }()
	for {
		err := f.fill(ctx, w)
		switch {
		case err == nil || w.asked > 0 && w.open().covers == 0: // what is under way comes first
		case errors.Is(err, errRefused) && w.sent == 0:
			return f.bury(ctx, err)
		default:
			return err
		}
		if w.sent == 0 {
			return f.over
		}
		if err := w.wait(ctx); err != nil {
			return err
		}
		for {
			covers, repeated, err := w.first()
			if errors.Is(err, errRefused) {
				return f.bury(ctx, err)
			}
			if err != nil {
				return err
			}
			if covers == 0 {
				break
			}
			if repeated {
				f.Metrics.Repeated.Add(uint64(covers)) // Invariant 4
			}
			for range covers {
				if err := f.release(); err != nil {
					return &fatalError{err}
				}
			}
		}
		f.remember()
		f.Metrics.UnderWay.Store(int64(w.sent))
	}
}

// fill publishes what is in the queue and not under way, and then what the ring has. It waits for
// a message only if none is under way. It lends one more than it publishes: so it knows which is the
// last that the ring has.
func (f *forwarder) fill(ctx context.Context, w *window) error {
	for w.sent < w.opts.Window {
		if err := f.lend(ctx, w.sent+2); err != nil {
			return err
		}
		if w.sent == len(f.queue) {
			return nil
		}
		it := &f.queue[w.sent]
		last := w.sent+1 == len(f.queue)
		if err := w.publish(f.subject, f.idOf(it), f.fingerprint, it, last); err != nil {
			return err
		}
	}
	return nil
}

// lend lends messages until the queue has n, or the ring no more. It waits only for the first.
func (f *forwarder) lend(ctx context.Context, n int) error {
	for len(f.queue) < n && f.over == nil {
		it, err := f.next(ctx, len(f.queue) == 0)
		if errors.Is(err, ring.ErrEmpty) && len(f.queue) > 0 {
			return nil
		}
		if err != nil {
			f.over = err
			return nil
		}
		f.Metrics.Missed.Add(it.missed)
		if f.released(it.pos) { // a Broadcast shows again what the last bridge has passed
			if err := f.Source.release(); err != nil {
				return &fatalError{err}
			}
			continue
		}
		f.queue = append(f.queue, it)
	}
	return nil
}

// idOf returns the message id of a message.
func (f *forwarder) idOf(it *item) string { return f.id + strconv.FormatUint(it.pos, 10) }

// released reports whether a message was passed before this bridge began.
func (f *forwarder) released(pos uint64) bool { return f.rising && pos < f.state.Load().Next }

// release removes the first message of the queue from the ring.
func (f *forwarder) release() error {
	f.Metrics.Passed.Add(1)
	f.Metrics.Bytes.Add(uint64(len(f.queue[0].data)))
	if err := f.Source.release(); err != nil {
		return err
	}
	f.start = f.queue[0].pos + 1
	f.queue = f.queue[1:]
	return nil
}

// remember stores how far it has come.
func (f *forwarder) remember() {
	if f.rising && f.start != f.state.Load().Next {
		f.state.Update(func(s sent) sent { s.Next = f.start; return s })
	}
}

// bury sends the first message to the dead letters.
func (f *forwarder) bury(ctx context.Context, why error) error {
	it := &f.queue[0]
	if f.DeadLetter == "" {
		return &fatalError{fmt.Errorf("message %d of %d bytes: %w: %w", it.pos, len(it.data), ErrTooLarge, why)}
	}
	m := &nats.Msg{Subject: f.DeadLetter, Data: it.data, Header: nats.Header{
		HeaderType: {f.fingerprint}, HeaderOrigin: {f.idOf(it)}, HeaderReason: {why.Error()}}}
	if err := deadLetter(ctx, f.js, m, f.AckWait); err != nil {
		return err
	}
	f.Metrics.DeadLetters.Add(1)
	if err := f.Source.release(); err != nil {
		return &fatalError{err}
	}
	f.start = it.pos + 1
	f.queue = f.queue[1:]
	f.remember()
	return errOvertaken // and on at once
}

// sleep waits, or until ctx ends.
func sleep(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}
