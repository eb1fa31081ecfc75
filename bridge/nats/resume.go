package nats

import (
	"context"
	"errors"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/isthmus-go/isthmus/ring"
)

// stream asks the server for the stream of the subject. Without an answer, nothing is published.
func (f *forwarder) stream(ctx context.Context) (jetstream.Stream, error) {
	ctx, cancel := context.WithTimeout(ctx, f.AckWait)
	defer cancel()
	name, err := f.js.StreamNameBySubject(ctx, f.subject)
	if err != nil {
		return nil, err
	}
	return f.js.Stream(ctx, name)
}

// resume releases what an earlier session or bridge has stored: all up to the last message of the
// subject. If the server does not say, the window of its ids has to do.
func (f *forwarder) resume(ctx context.Context, stream jetstream.Stream) {
	ctx, cancel := context.WithTimeout(ctx, f.AckWait)
	defer cancel()
	last, err := stream.GetLastMsgForSubject(ctx, f.subject)
	if err != nil {
		return
	}
	pos, ok := positionIn(last.Header.Get(jetstream.MsgIDHeader), f.id)
	if !ok {
		return
	}
	for {
		if len(f.queue) == 0 {
			it, err := f.next(ctx, false)
			if err != nil {
				if !errors.Is(err, ring.ErrEmpty) {
					f.over = err
				}
				return
			}
			f.queue = append(f.queue, it)
		}
		if f.queue[0].pos > pos || f.release() != nil {
			return
		}
		f.Metrics.Repeated.Add(1)
		f.remember()
	}
}
