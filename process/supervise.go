package process

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/isthmus-go/isthmus/ring"
)

const (
	// A worker that has ended before it has done anything is replaced after a pause, twice as long each
	// time. After that many in a row, and if no other worker is ready, the pool is broken.
	maxFailures       = 8
	defaultFirstPause = 10 * time.Millisecond

	// A worker that was idle for that long has not failed to start.
	longIdle = time.Second
)

var firstPause = defaultFirstPause // another one in tests

// supervise keeps a worker running until the pool ends.
func (p *Pool) supervise(number int) {
	failures, seen := 0, p.useful.Load()
	for p.ctx.Err() == nil {
		began := time.Now()
		useful, err := p.employ(number)
		if n := p.useful.Load(); useful || n != seen || time.Since(began) > longIdle {
			failures, seen = 0, n
		}
		if useful {
			continue
		}
		if failures++; failures >= maxFailures && p.ready.Load() == 0 {
			p.cancel(fmt.Errorf("%w: %w", ErrBroken, err))
			return
		}
		pause := time.NewTimer(firstPause << min(failures-1, maxFailures))
		select {
		case <-pause.C:
		case <-p.ctx.Done():
			pause.Stop()
		}
	}
}

// employ starts a worker, and returns when it has ended and what it has left is decided. It
// was useful if it has begun a task. Otherwise err says how it has ended.
func (p *Pool) employ(number int) (useful bool, err error) {
	l, err := newLink(p)
	if err != nil {
		return false, err
	}
	defer l.close()
	worker, err := Start(p.ctx, workerMain, workerArg{
		Number: number, Queue: p.opts.Queue, MaxTasks: p.opts.MaxTasks, Segments: len(p.opts.Segments),
		Init: p.opts.Init.name, InitArg: p.opts.Init.arg,
	}, &Options{
		Daemon: true, Group: true, Grace: p.opts.Grace, Command: p.opts.Command,
		Segments: append(p.opts.Segments[:len(p.opts.Segments):len(p.opts.Segments)], p.shared.Segment, l.shared.Segment),
	})
	if err != nil {
		return false, err
	}
	p.links[number].Store(l)
	var ends sync.WaitGroup
	ends.Go(func() {
		if l.receive() != nil {
			worker.Kill() // it has spoilt its link, or has ended
		}
	})
	ends.Go(l.deliver)
	<-worker.Done()
	l.cancel()
	ends.Wait()
	l.drain()
	p.links[number].Store(nil)
	if l.ready {
		p.ready.Add(-1)
	}

	died := WorkerDied{PID: worker.PID(), State: worker.cmd.ProcessState, Stderr: worker.stderr.String(), err: worker.Wait()}
	return p.bury(number, l, died) || l.outcomes > 0, &died
}

// bury decides what becomes of what a worker has left, and reports whether it has left
// anything that it had begun.
func (p *Pool) bury(number int, l *link, died WorkerDied) (begun bool) {
	for g := range uint32(len(p.at)) {
		w := p.gates.load(g)
		if !w.by(number) {
			continue
		}
		if c := p.at[g].Load(); c != nil {
			begun = true
			if s, again := c.died(ticket{g, w.serial()}, w.index(), died); again {
				p.putAgain(c, s)
			}
		}
	}
	if t := l.wanted; t != (ticket{}) {
		if c := p.at[t.gate].Load(); c != nil {
			c.notFetched(t, died)
		}
	}
	return begun
}

func poison(died *WorkerDied) error { return fmt.Errorf("%w: %w", ErrPoison, died) }

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
	ready    bool
	outcomes int
	wanted   ticket // the argument that was asked for last

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

// receive reads what the worker sends, until it has ended. It does not wait for anything else.
func (l *link) receive() error {
	var lens [64]int
	for {
		b, n, err := l.in.PopInto(l.ctx, l.message[:0], lens[:])
		l.message = b
		for _, size := range lens[:n] {
			if err := l.take(b[:size]); err != nil {
				return err
			}
			b = b[size:]
		}
		if err != nil {
			return err
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
	case h.kind == isReady:
		l.ready = true
		l.pool.ready.Add(1)
		return nil
	case h.ticket.gate >= uint32(len(l.pool.at)):
		return errors.New("no such gate")
	case h.kind == isWant:
		l.wanted = h.ticket
		l.order(isArgument, h.ticket)
		return nil
	}
	if l.outcomes++; l.outcomes == 1 {
		l.pool.useful.Add(1)
	}
	if c := l.pool.at[h.ticket.gate].Load(); c != nil {
		if h.flags&continues == 0 {
			data = bytes.Clone(data)
		}
		c.settle(h.ticket, int(h.index), outcome{kind: h.kind, data: data}, h.took)
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

// deliver sends what was ordered, until the worker has ended.
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
			if o.kind == isRecall || !l.sendArgument(o.ticket) {
				send(l.ctx, l.out, header{kind: isRecall, ticket: o.ticket}, nil, nil)
			}
		}
	}
}

// sendArgument sends an argument, and reports whether it is still wanted.
func (l *link) sendArgument(t ticket) bool {
	c := l.pool.at[t.gate].Load()
	if c == nil {
		return false
	}
	data, ok := c.argument(t)
	wanted := func() bool { _, ok := c.argument(t); return ok }
	if ok {
		send(l.ctx, l.out, header{kind: isArgument, ticket: t}, data, wanted)
	}
	return wanted()
}
