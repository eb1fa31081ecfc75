package process

import (
	"context"
	"math/bits"
	"time"

	"github.com/isthmus-go/isthmus/ring"
	"github.com/isthmus-go/isthmus/shm"
)

// A queue wakes one that sleeps for each task, though another one may be just about to look: with
// one task at a time, each would wake a second worker in vain. So workers that are not needed
// rest, and do not wait on the queue.
//
// Words: the load, how many parcels have a gate; and a bit for each worker that rests.
//
// Invariants
//
//  1. No more rest than leaves one awake for each parcel, and one besides if there is none. Who is
//     going to rest sets its bit, and then looks at the load; the parent raises the load, puts
//     the task, and then looks at the bits, and calls somebody if too many rest. Both are
//     sequentially consistent, so that one of the two sees the other's.
//  2. The parent clears the bit of whom it calls, and of who has died.
//
// Some that are awake may be of no use: one that runs what was given up, or is stopped, or just
// starts. So those that rest look at the queue now and then all the same. Who finds something
// rests no more for a while.
type duty struct {
	words   *shm.Array[uint64]
	workers int
}

var restPoll = 25 * time.Millisecond // between two looks; another one in tests

const (
	restLook = time.Millisecond // for one
	restless = time.Second
)

func dutyWords(workers int) int { return 1 + (workers+63)/64 }

// add changes the load.
func (d duty) add(n int) { shm.AddAt(d.words, 0, uint64(n)) }

// enough reports whether enough are awake.
func (d duty) enough() bool {
	awake := d.workers
	for i := 1; i < d.words.Len(); i++ {
		awake -= bits.OnesCount64(d.words.Load(i))
	}
	return awake >= 1 && int64(d.words.Load(0)) <= int64(awake)
}

// mark sets or clears the bit of a worker, and reports whether that has changed it.
func (d duty) mark(worker int, rests bool) bool {
	i, bit := 1+worker/64, uint64(1)<<(worker%64)
	for {
		w := d.words.Load(i)
		if w&bit != 0 == rests {
			return false
		}
		if shm.CompareAndSwapAt(d.words, i, w, w^bit) {
			return true
		}
	}
}

// rest marks a worker if enough others are awake.
func (d duty) rest(worker int) bool {
	d.mark(worker, true)
	if d.enough() {
		return true
	}
	d.mark(worker, false)
	return false
}

// wake clears the mark of one that rests, if there is one.
func (d duty) wake() (worker int, ok bool) {
	for i := 1; i < d.words.Len(); i++ {
		for w := d.words.Load(i); w != 0; w &= w - 1 {
			worker = (i-1)*64 + bits.TrailingZeros64(w)
			if worker < d.workers && d.mark(worker, false) {
				return worker, true
			}
		}
	}
	return 0, false
}

// callUp wakes workers until enough are awake.
func (p *Pool) callUp() {
	for !p.duty.enough() {
		worker, ok := p.duty.wake()
		if !ok {
			return
		}
		p.call(worker)
	}
}

func (p *Pool) call(worker int) {
	if l := p.links[worker].Load(); l != nil {
		l.order(isCall, ticket{})
	}
}

// get gets a task, and rests while it is not needed.
func (w *worker) get() (ring.Task[slot], error) {
	for {
		t, err := w.tasks.TryGet()
		if err != ring.ErrEmpty {
			return t, err
		}
		if time.Since(w.useful) < restless || !w.duty.rest(w.Number) {
			return w.tasks.Get(w.ctx)
		}
		poll := time.NewTimer(restPoll)
		select {
		case <-w.called:
			poll.Stop()
			continue
		case <-w.ctx.Done():
			poll.Stop()
			return t, w.ctx.Err()
		case <-poll.C:
		}
		look, cancel := context.WithTimeout(w.ctx, restLook)
		t, err = w.tasks.Get(look)
		cancel()
		if err == nil || look.Err() == nil {
			w.duty.mark(w.Number, false)
			w.useful = time.Now()
			return t, err
		}
	}
}
