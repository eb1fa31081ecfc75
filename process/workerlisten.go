package process

import (
	"bytes"
	"errors"
	"os"

	"github.com/isthmus-go/isthmus/shm"
)

// What a worker gets from the parent, besides tasks: arguments that are too long for a slot, and
// recalls.

// fetch gets the argument of a ticket from the parent, or reports that it is not wanted.
func (w *worker) fetch(t ticket) (arg []byte, ok bool) {
	w.mu.Lock()
	w.wanted = t
	w.mu.Unlock()
	if w.err = send(w.ctx, w.out, header{kind: isWant, ticket: t}, nil, nil); w.err != nil {
		return nil, false
	}
	atStep(stepAsking)
	select {
	case arg = <-w.arrived:
		return arg, arg != nil
	case <-w.ctx.Done():
		w.err = w.ctx.Err()
		return nil, false
	}
}

// listen reads what the parent sends. It waits for nothing else.
func (w *worker) listen() {
	var pieces assembly
	for b, err := range w.in.All(w.ctx) {
		if w.ctx.Err() != nil || errors.Is(err, shm.ErrSegmentClosed) {
			return
		}
		if err != nil {
			os.Exit(1) // the link is spoilt: no argument would come any more
		}
		h, data, whole, err := pieces.add(b)
		if err != nil {
			os.Exit(1) // nobody but the parent writes there
		}
		if whole {
			w.hear(h, data)
		}
	}
}

func (w *worker) hear(h header, data []byte) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case h.kind == isCall:
		select {
		case w.called <- struct{}{}:
		default:
		}
	case h.ticket == w.wanted && h.ticket != ticket{}:
		w.wanted = ticket{}
		if h.kind != isArgument {
			data = nil
		} else if h.flags&continues == 0 {
			data = bytes.Clone(data)
		}
		w.arrived <- data
	case h.kind == isRecall && h.ticket == w.current && w.cancel != nil:
		w.cancel()
	}
}
