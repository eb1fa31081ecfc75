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
//  2. The parent clears the bit of whom it calls. It sets that of a worker that it is going to start,
//     who clears it when it is ready. Then, and when one has ended, it looks as after a put.
//
// Some that are awake may be of no use: one that runs what was given up, or is stopped. So those that rest look at the queue now and then all the same. Who finds something
// rests no more for a while.
type duty struct {
	words   *shm.Array[uint64]
	workers int
}

var restPoll = 50 * time.Millisecond // between two looks; another one in tests

const (
	restLook = time.Millisecond // for one
	restless = time.Second
)

func dutyWords(workers int) int { return 1 + (workers+63)/64 }

// add changes the load.
func (d duty) add(n int) { shm.AddAt(d.words, 0, uint64(n)) }

// load returns how many parcels have a gate.
func (d duty) load() int64 { return int64(d.words.Load(0)) }

// enough reports whether enough are awake.
func (d duty) enough() bool {
	awake := d.workers
	for i := 1; i < d.words.Len(); i++ {
		awake -= bits.OnesCount64(d.words.Load(i))
	}
	return awake >= 1 && d.load() <= int64(awake)
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

// wake clears the mark of one that rests, and that may be called, if there is one.
func (d duty) wake(may func(worker int) bool) (worker int, ok bool) {
	for i := 1; i < d.words.Len(); i++ {
		for w := d.words.Load(i); w != 0; w &= w - 1 {
			worker = (i-1)*64 + bits.TrailingZeros64(w)
			if worker < d.workers && may(worker) && d.mark(worker, false) {
				return worker, true
			}
		}
	}
	return 0, false
}

// callUp wakes workers until enough are awake.
func (p *Pool) callUp() {
	for !p.duty.enough() {
		worker, ok := p.duty.wake(func(worker int) bool {
			l := p.links[worker].Load()
			return l != nil && l.up.Load()
		})
		if !ok {
			return
		}
		if l := p.links[worker].Load(); l != nil {
			l.order(isCall, ticket{})
		}
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
		if w.sleep() {
			continue
		}
		look, cancel := context.WithTimeout(w.ctx, restLook)
		t, err = w.tasks.Get(look)
		cancel()
		if err == nil || look.Err() == nil || w.ctx.Err() != nil {
			w.duty.mark(w.Number, false)
			w.useful = time.Now()
			return t, err
		}
	}
}

// sleep waits until the worker is called, or it is time to look for a task that there is.
func (w *worker) sleep() (called bool) {
	poll := time.NewTicker(restPoll)
	defer poll.Stop()
	for {
		select {
		case <-w.called:
			return true
		case <-w.ctx.Done():
			return false
		case <-poll.C:
			if w.duty.load() > 0 {
				return false
			}
		}
	}
}
