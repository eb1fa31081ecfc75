package process

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
)

// The protocol of Pool.
//
// The parent and the workers share a segment: the queue, a ring.WorkQueue of slots, which
// bring tasks to whichever worker comes first; and the gates, an shm.Array of words. Each worker has a
// link to the parent besides, two rings of bytes: outcomes, and what the parent is asked for.
//
// States of a gate, for the ticket (gate, serial) that a parcel has:
//
//	waiting(serial)      --parent: renews a ticket-->  waiting(serial+1)
//	waiting              --worker: begins-->           begun(worker, first)
//	begun(worker, i)     --it, after outcome i-->      begun(worker, i+1)
//	waiting, begun       --parent: fails a parcel-->   retired
//	anything             --parent: next ticket-->      waiting
//
// A worker takes a slot from the queue, begins what its ticket names, runs it, sends the
// outcome, and acknowledges the slot. If it cannot begin, it acknowledges the slot at once.
//
// Invariants
//
//  1. An element is run by who has made its gate begun(worker, element), and this is one
//     compare-and-swap. So it is run once for each serial, however often the queue
//     delivers the slot, and not at all after its gate was retired.
//  2. A serial is renewed when the worker that has begun it is dead, and all that it has
//     sent was read; and for what it has left. So a task that is not idempotent is begun once,
//     and of one that is, each outcome that was sent counts, and no other does.
//  3. A slot whose ticket is waiting is in the queue, or held by a worker, who begins it or
//     dies; or the parent is about to put it. So the queue delivers it until somebody begins.
//  4. Only the parent decides what a death means, once for each worker, before the next worker
//     has the same number. So begun(worker, …) is that of the dead one.
//  5. Whoever reads a link waits for nothing else. The parent's readers do not put tasks, and
//     do not write to links: writers of their own do. So a full queue, or a full ring, stops
//     nobody who would make room.
//
// What the death of a worker leaves:
//
//	before it takes a slot       nothing
//	until it begins              the slot, which the queue delivers again (Invariant 3). If it was
//	                             fetching the argument, the attempt is counted: see notFetched
//	until the outcome is sent    begun(worker, i): the element is lost, and is put again, or fails
//	of a chunk, before the next  begun(worker, i), and i is settled: what is left is put again
//	until it acknowledges        the slot, which is delivered again, and dropped
//
// The death of the parent ends the workers, which are its daemons.
//
// Who reads what: the kernel's word that a worker has ended comes after its last store. So
// the parent, which waits for it, sees all that the worker has sent, and its gates as they stay.
// The swap to begun pairs with the parent's load of the gate then, and with its swap to retired. The
// rest is that of ring.WorkQueue and ring.Bytes.

// Pool is a number of worker processes that run tasks, see [Func]. Several goroutines may use
// it.
//
// A worker that dies is an event: another one takes its place, and what it ran is run
// again or reported, see [Idempotent] and [WorkerDied]. A task that it has not begun is not lost.
// Each task has exactly one result. A worker that is stopped delays what it runs, and nothing else.
// (If it is stopped in the middle of an operation on the pool's memory, others may have to wait until it
// continues, as with a ring.WorkQueue.)
//
// Arguments and results are copies. In the terms of the Go memory model, the call of Go or Call
// synchronizes before that of the task, and the return of the task before that of Call or Wait.
//
// Workers are started at once, and are Daemons with groups of their own: Ctrl-C reaches the
// parent only, and if that ends, in any way, they end with all that they have started.
type Pool struct {
	opts        PoolOptions
	maxAttempts int
	ctx         context.Context // ends with the pool
	cancel      context.CancelCauseFunc

	shared *shared
	hall

	free    chan uint32              // gates that no parcel has
	at      []atomic.Pointer[parcel] // who has a gate
	serials []uint32                 // of each gate, the last; written by who has it

	closing atomic.Bool
	closed  chan struct{} // closed with closing
	over    atomic.Bool   // set when ctx has ended, before all parcels fail
	swept   chan struct{} // closed when they have
	done    chan struct{} // closed when all is freed

	links   []atomic.Pointer[link] // of the workers
	workers sync.WaitGroup
	puts    sync.WaitGroup
	useful  atomic.Uint64 // workers that have sent an outcome
	ready   atomic.Int64  // workers that are ready
}

// NewPool starts a pool. When ctx ends, the pool does: tasks fail with its cause, the contexts of those
// that run are cancelled, and workers that have not ended after PoolOptions.Grace are killed.
func NewPool(ctx context.Context, opts *PoolOptions) (*Pool, error) {
	o, err := opts.withDefaults()
	switch {
	case err != nil:
		return nil, err
	case !supported:
		return nil, fmt.Errorf("isthmus: pool: no processes on this platform: %w", errors.ErrUnsupported)
	case !mainCalled.Load():
		return nil, ErrNoMain
	case ctx.Err() != nil:
		return nil, ended(ctx)
	}
	p := &Pool{
		opts: o, maxAttempts: o.MaxAttempts,
		free: make(chan uint32, o.Queue), at: make([]atomic.Pointer[parcel], o.Queue), serials: make([]uint32, o.Queue),
		closed: make(chan struct{}), swept: make(chan struct{}), done: make(chan struct{}),
		links: make([]atomic.Pointer[link], o.Workers),
	}
	for i := range o.Queue {
		p.free <- uint32(i)
	}
	if p.shared, err = newShared(hallSize(o.Queue, o.Workers), 2*o.Workers+8); err != nil {
		return nil, err
	}
	if p.hall, err = openHall(p.shared.Segment, o.Queue, o.Workers); err != nil {
		p.shared.close()
		return nil, err
	}
	p.ctx, p.cancel = context.WithCancelCause(ctx)
	context.AfterFunc(p.ctx, p.sweep)
	for i := range o.Workers {
		p.duty.mark(i, true)
		p.workers.Go(func() { p.supervise(i) })
	}
	go p.finish()
	return p, nil
}

// Close waits for the tasks that there are, and ends the pool: then its workers have ended, those
// that still run what nobody waits for after PoolOptions.Grace, and all that the pool has used is
// free. New tasks fail with ErrPoolClosed. Close returns why the pool has ended, if it has
// before. A second Close waits as well, and returns ErrPoolClosed.
func (p *Pool) Close() error {
	if !p.closing.CompareAndSwap(false, true) {
		<-p.done
		return fmt.Errorf("isthmus: %w", ErrPoolClosed)
	}
	close(p.closed)
	for range cap(p.free) { // a task has a gate
		select {
		case <-p.free:
			continue
		case <-p.ctx.Done():
		}
		break
	}
	p.cancel(ErrPoolClosed)
	<-p.done
	if context.Cause(p.ctx) == ErrPoolClosed {
		return nil
	}
	return p.fault()
}

// String describes the pool.
func (p *Pool) String() string {
	if p.ctx.Err() != nil {
		return fmt.Sprintf("pool of %d workers: %v", p.opts.Workers, context.Cause(p.ctx))
	}
	return fmt.Sprintf("pool of %d workers", p.opts.Workers)
}

// fault returns why the pool has ended.
func (p *Pool) fault() error {
	cause := context.Cause(p.ctx)
	if errors.Is(cause, ErrPoolClosed) || errors.Is(cause, ErrBroken) {
		return fmt.Errorf("isthmus: %w", cause)
	}
	return ended(p.ctx)
}

// acquire returns a gate. It waits for one until ctx ends.
func (p *Pool) acquire(ctx context.Context) (gate uint32, err error) {
	select {
	case gate = <-p.free:
	default:
		select {
		case gate = <-p.free:
		case <-ctx.Done():
			return 0, ended(ctx)
		case <-p.ctx.Done():
			return 0, p.fault()
		case <-p.closed:
			return 0, fmt.Errorf("isthmus: %w", ErrPoolClosed)
		}
	}
	if p.closing.Load() {
		p.free <- gate
		return 0, fmt.Errorf("isthmus: %w", ErrPoolClosed)
	}
	return gate, nil
}

// release gives a gate back.
func (p *Pool) release(gate uint32) {
	p.at[gate].Store(nil)
	p.free <- gate // has room for all
}

// put puts a parcel's slot into the queue. If that is full, of what was given up, put does not
// wait: the slot follows as soon as there is room, unless all is settled before.
func (p *Pool) put(c *parcel, s slot) {
	if p.tasks.TryPut(s) == nil {
		p.callUp()
		return
	}
	ctx, cancel := context.WithCancel(p.ctx)
	p.puts.Go(func() {
		defer cancel()
		select {
		case <-c.done:
		case <-ctx.Done():
		}
	})
	p.puts.Go(func() {
		defer cancel()
		switch err := p.tasks.Put(ctx, s); {
		case err == nil:
			c.mu.Lock()
			if !c.settled() { // else the segment may be closed
				p.callUp()
			}
			c.mu.Unlock()
		case ctx.Err() == nil:
			p.cancel(err)
		}
	})
}

// recall tells a worker that what it has begun is not wanted any more.
func (p *Pool) recall(worker int, t ticket) {
	if worker >= len(p.links) {
		return // corrupt
	}
	if l := p.links[worker].Load(); l != nil {
		l.recalled.Store(true)
		l.order(isRecall, t)
	}
}

// sweep fails all parcels. Who gets a gate after it has begun finds that it has.
func (p *Pool) sweep() {
	p.over.Store(true)
	err := p.fault()
	for i := range p.at {
		if c := p.at[i].Load(); c != nil {
			c.fail(err)
		}
	}
	close(p.swept)
}

// finish frees what the pool has used, when it has ended.
func (p *Pool) finish() {
	<-p.swept // nobody touches gates any more, but supervisors
	p.workers.Wait()
	p.puts.Wait()
	p.shared.close()
	close(p.done)
}
