package process

import (
	"context"
	"fmt"
	"sync"

	"github.com/isthmus-go/isthmus/shm"
)

// A parcel is, in the parent, a task, or a chunk of tasks, that was passed to the workers and
// has not all its outcomes. All decisions about tasks are taken here, under its lock.
//
// States of each element: waiting → settled, in their order. An element is settled once:
//
//	by its outcome, from the worker that has begun it
//	by the death of that worker, if it must not be run again
//	by the end of a context, or of the pool, with all that are not settled
//
// A parcel has a gate until all is settled. A parcel that is put into the queue again, for the
// elements that are left, has the same gate with another serial: nothing of before counts.
type parcel struct {
	pool  *Pool
	task  *task
	args  []byte
	timed bool

	done  chan struct{}  // closed when all is settled
	ready chan<- *parcel // gets the parcel then, or nil; has room

	mu       sync.Mutex
	ticket   ticket
	held     bool      // the gate of the ticket
	outcomes []outcome // of all elements; those before next are settled
	next     int
	attempts int    // how often next was begun, by those who are dead
	fetches  int    // how often the argument was fetched by those who died before they began it
	took     uint32 // µs, of the last element's worker, if timed
	stop     func() bool
}

// An outcome is the result of a task, or its error.
type outcome struct {
	kind kind
	data []byte // as the worker has sent it
	err  error  // of the parent
}

// pass gives the parcel a gate, and puts it into the queue. It waits for a gate until ctx
// ends. An error says that it has none, and nothing is settled.
func (c *parcel) pass(ctx context.Context) error {
	gate, err := c.pool.acquire(ctx)
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ticket.gate, c.held = gate, true
	c.pool.at[gate].Store(c)
	if c.pool.over.Load() { // else who ends it finds the parcel
		c.settleAll(c.pool.fault())
		return nil
	}
	s := c.renew()
	c.pool.duty.add(1)
	c.pool.put(c, s)
	return nil
}

// renew gives the parcel a new serial, and returns the slot for what is left of it. The lock
// must be held.
func (c *parcel) renew() (s slot) {
	c.ticket.serial = max(1, c.pool.serials[c.ticket.gate]+1) // 0 is none's
	c.pool.serials[c.ticket.gate] = c.ticket.serial
	c.pool.gates.store(c.ticket.gate, waiting(c.ticket.serial))
	s = slot{
		gate: c.ticket.gate, serial: c.ticket.serial, task: c.task.id,
		first: uint16(c.next), count: uint16(len(c.outcomes)), length: large,
	}
	if c.timed {
		s.timed = 1
	}
	if len(c.args) <= slotRoom {
		s.length = uint32(copy(s.payload[:], c.args))
	}
	return s
}

// argument returns what a worker has asked for, or false if it is not wanted any more.
func (c *parcel) argument(t ticket) ([]byte, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.args, c.ticket == t && !c.settled()
}

// settle settles an element by its outcome. Those of a ticket come in their order.
func (c *parcel) settle(t ticket, index int, o outcome, took uint32) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.ticket != t || c.settled():
		return nil
	case index != c.next:
		return fmt.Errorf("isthmus: outcome %d instead of %d: %w", index, c.next, shm.ErrCorrupt)
	}
	c.took = took
	c.record(o)
	return nil
}

// died decides what becomes of the elements from index on, which a worker has begun, after
// its outcomes have come. It returns the slot to put again, if there is one.
func (c *parcel) died(t ticket, index int, cause WorkerDied) (s slot, again bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ticket != t || c.settled() {
		return s, false
	}
	if c.next <= index { // else its outcome has come, and the next was not begun
		c.attempts++
		cause.Task, cause.Attempt = c.task.name, c.attempts
		if !c.task.idempotent {
			c.record(outcome{err: &cause})
		} else if c.attempts >= c.pool.maxAttempts {
			c.record(outcome{err: poison(&cause)})
		}
		if c.settled() {
			return s, false
		}
	}
	return c.renew(), true
}

// notFetched decides what becomes of a parcel whose worker has died before it had begun it,
// while it fetched the argument. The queue delivers it again, unless that was too often.
func (c *parcel) notFetched(t ticket, cause WorkerDied) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ticket != t || c.settled() || c.pool.gates.load(t.gate) != waiting(t.serial) {
		return
	}
	if c.fetches++; c.fetches < c.pool.maxAttempts {
		return
	}
	if c.pool.gates.swap(t.gate, waiting(t.serial), retired(t.serial)) { // another worker has the argument, maybe
		cause.Task, cause.Attempt = c.task.name, c.fetches
		c.settleAll(poison(&cause))
	}
}

// fail settles all that is not settled by err. What was not begun is not begun then, and the
// context of what runs is cancelled.
func (c *parcel) fail(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.settled() {
		return
	}
	if t := c.ticket; c.held {
		if old := c.pool.gates.retire(t.gate, t.serial); old&begunBit != 0 && old.serial() == t.serial {
			c.pool.recall(old.worker(), t)
		}
	}
	c.settleAll(err)
}

func (c *parcel) settled() bool { return c.next == len(c.outcomes) }

func (c *parcel) settleAll(err error) {
	for !c.settled() {
		c.record(outcome{err: err})
	}
}

// record settles the next element.
func (c *parcel) record(o outcome) {
	c.outcomes[c.next] = o
	c.next++
	c.attempts = 0
	if !c.settled() {
		return
	}
	c.args = nil
	if c.stop != nil {
		c.stop()
	}
	if c.ticket.serial != 0 {
		c.pool.duty.add(-1)
	}
	if c.held {
		c.held = false
		c.pool.release(c.ticket.gate)
	}
	close(c.done)
	if c.ready != nil {
		c.ready <- c
	}
}

// watch fails the parcel when ctx ends.
func (c *parcel) watch(ctx context.Context) {
	stop := context.AfterFunc(ctx, func() { c.fail(ended(ctx)) })
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stop = stop; c.settled() {
		stop()
	}
}

// over reports whether all is settled.
func (c *parcel) over() bool {
	select {
	case <-c.done:
		return true
	default:
		return false
	}
}
