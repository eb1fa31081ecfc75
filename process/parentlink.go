package process

import (
	"bytes"
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/isthmus-go/isthmus/ring"
	"github.com/isthmus-go/isthmus/shm"
)

// A link is the parent's side of one, see link.go.
type link struct {
	pool    *Pool
	shared  *shared
	in      *ring.BytesConsumer // from the worker
	out     *ring.BytesProducer
	ctx     context.Context // ends with the worker
	cancel  context.CancelFunc
	pieces  assembly
	message []byte

	// Of the goroutine that receives, until the worker has ended.
	ready    time.Time // when it was
	outcomes int
	wanted   ticket // the argument that was asked for last

	recalled atomic.Bool // it has begun what was given up then
	up       atomic.Bool // it was ready, so that its bit is its own

	mu     sync.Mutex
	orders []order
	signal chan struct{} // has room for one
}

// An order is what is to be sent to the worker.
type order struct {
	kind   kind
	ticket ticket
}

func newLink(p *Pool) (_ *link, err error) {
	l := &link{pool: p, signal: make(chan struct{}, 1)}
	if l.shared, err = newShared(2*ring.BytesSize(linkCapacity), 4); err != nil {
		return nil, err
	}
	out, in, err := newLinkRings(l.shared.Segment)
	if err == nil {
		l.in, err = out.Consumer()
	}
	if err == nil {
		l.out, err = in.Producer()
	}
	if err != nil {
		l.shared.close()
		return nil, err
	}
	l.ctx, l.cancel = context.WithCancel(context.Background())
	return l, nil
}

func (l *link) close() {
	l.cancel()
	l.shared.close()
}

// beforeReceive is for tests in which what a worker has sent is read late.
var beforeReceive = func(context.Context) {}

// receive reads what the worker sends, until it has ended, or sends what cannot be. It does not wait
// for anything else.
func (l *link) receive() {
	var lens [64]int
	for {
		beforeReceive(l.ctx)
		b, n, err := l.in.PopInto(l.ctx, l.message[:0], lens[:])
		if err != nil {
			return
		}
		l.message = b
		for _, size := range lens[:n] {
			if l.take(b[:size]) != nil {
				return
			}
			b = b[size:]
		}
	}
}

// drain reads what is left after the end of the worker.
func (l *link) drain() {
	for {
		b, err := l.in.TryPop(nil)
		if err != nil || l.take(b) != nil {
			return
		}
	}
}

// take takes a piece of a message.
func (l *link) take(piece []byte) error {
	h, data, whole, err := l.pieces.add(piece)
	if err != nil || !whole {
		return err
	}
	switch {
	case h.kind == isReady && l.ready.IsZero():
		l.ready = time.Now()
		l.pool.ready.Add(1)
		l.up.Store(true)
		l.pool.callUp() // it may rest already
		return nil
	case h.ticket.gate >= uint32(len(l.pool.at)):
		return fmt.Errorf("isthmus: message for gate %d: %w", h.ticket.gate, shm.ErrCorrupt)
	case h.kind == isWant:
		l.wanted = h.ticket
		l.order(isArgument, h.ticket)
		return nil
	case h.kind == 0 || h.kind > isUnknown:
		return fmt.Errorf("isthmus: message of kind %d: %w", h.kind, shm.ErrCorrupt)
	}
	if l.outcomes++; l.outcomes == 1 {
		l.pool.useful.Add(1)
	}
	if c := l.pool.at[h.ticket.gate].Load(); c != nil {
		if h.flags&continues == 0 {
			data = bytes.Clone(data)
		}
		return c.settle(h.ticket, int(h.index), outcome{kind: h.kind, data: data}, h.took)
	}
	return nil
}

// order has something sent to the worker.
func (l *link) order(kind kind, t ticket) {
	l.mu.Lock()
	l.orders = append(l.orders, order{kind, t})
	l.mu.Unlock()
	select {
	case l.signal <- struct{}{}:
	default:
	}
}

// deliver sends what was ordered, until the worker has ended, or has spoilt the link.
func (l *link) deliver() {
	for {
		select {
		case <-l.signal:
		case <-l.ctx.Done():
			return
		}
		l.mu.Lock()
		orders := l.orders
		l.orders = nil
		l.mu.Unlock()
		for _, o := range orders {
			if l.send(o) != nil {
				return
			}
		}
	}
}

func (l *link) send(o order) error {
	if o.kind == isArgument {
		if wanted, err := l.sendArgument(o.ticket); wanted || err != nil {
			return err
		}
		o.kind = isRecall
	}
	return send(l.ctx, l.out, header{kind: o.kind, ticket: o.ticket}, nil, nil)
}

// sendArgument sends an argument, and reports whether it is still wanted.
func (l *link) sendArgument(t ticket) (still bool, err error) {
	c := l.pool.at[t.gate].Load()
	if c == nil {
		return false, nil
	}
	data, ok := c.argument(t)
	wanted := func() bool { _, ok := c.argument(t); return ok }
	if ok {
		err = send(l.ctx, l.out, header{kind: isArgument, ticket: t}, data, wanted)
	}
	return wanted(), err
}
