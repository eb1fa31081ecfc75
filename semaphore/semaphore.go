package semaphore

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/isthmus-go/isthmus/internal/layout"
	"github.com/isthmus-go/isthmus/internal/race"
	"github.com/isthmus-go/isthmus/internal/segment"
	"github.com/isthmus-go/isthmus/internal/wait"
	"github.com/isthmus-go/isthmus/shm"
)

// A Semaphore is a counting, weighted, bounded semaphore between processes. Its
// methods are those of golang.org/x/sync/semaphore.Weighted.
//
// Permits belong to the process that acquired them. When a process dies or closes
// its Segment, its permits come back, as with SEM_UNDO of System V. They come
// back within 50 ms, once a waiter needs them. The permits of a signalling
// semaphore do not come back: see [Options].
//
// Goroutines of one process get permits in the order in which they asked, as with
// Weighted. Between processes, the first one that asks for free permits gets
// them. But a waiter that has waited for more than a millisecond is served before
// all others, so that a waiter that wants many permits does not starve.
//
// In the terms of the Go memory model, a Release synchronizes before the return
// of an Acquire that it made possible. The uncontended paths make no system call.
// A signalling Semaphore takes 128 bytes of the segment. Any other Semaphore
// takes 128 bytes, plus 128 bytes for each process that the segment has room for.
type Semaphore struct {
	ref segment.Ref
	state
	edge race.Edge
}

// Options are the options of [New]. A nil *Options and the zero value mean the
// defaults.
type Options struct {
	// Signalling creates a semaphore whose permits do not belong to a process.
	// One process may acquire a permit and another may release it. If a process
	// dies, the permits that it has acquired do not come back.
	Signalling bool

	// Bound is the largest number of permits that a signalling semaphore may
	// hold. 0 means the largest possible number, 2^53-1. The bound of any other
	// semaphore is n: for these, Bound must be 0 or n.
	Bound int64
}

// ErrPermits is wrapped by the error of an operation if the semaphore cannot have
// the given number of permits.
var ErrPermits = errors.New("invalid number of permits")

// New returns the semaphore with that name. If none exists, it creates one with n
// permits, all free. New fails with [shm.ErrMismatch] if the name belongs to
// another kind of object, or to a semaphore of another size or with other
// options.
func New(s *shm.Segment, name string, n int64, opts *Options) (*Semaphore, error) {
	core := segment.Of(s)
	ref := core.Ref(layout.KindSemaphore, name)
	o := Options{}
	if opts != nil {
		o = *opts
	}
	size, err := bound(n, o)
	if err != nil {
		return nil, ref.Fault(err)
	}
	spec := segment.Spec{
		Kind: layout.KindSemaphore, Name: name, Capacity: uint64(size),
		Size: stateSize(core.MaxProcs(), o.Signalling),
		Init: func(mem []byte) { *layout.At[uint64](mem, 0) = uint64(n) },
	}
	if o.Signalling {
		spec.Flags = 1
	}
	obj, err := core.Object(spec)
	if err != nil {
		return nil, err
	}
	sem := core.Local(obj, func() any {
		sem := &Semaphore{ref: ref}
		sem.init(core, obj.Mem, size, o.Signalling)
		return sem
	}).(*Semaphore)
	sem.entered.Do(sem.enter) // not in Local: it may have to wait for a repairer
	return sem, nil
}

// Size returns the size of a [Semaphore], in bytes of a segment that has room for
// maxProcs processes. The size to pass to [shm.Create] is the sum of the sizes of
// all objects.
func Size(maxProcs int, opts *Options) int64 {
	return int64(stateSize(maxProcs, opts != nil && opts.Signalling))
}

// bound checks n and the options, and returns the semaphore's size.
func bound(n int64, o Options) (int64, error) {
	size := n
	switch {
	case !o.Signalling && o.Bound != 0 && o.Bound != n:
		return 0, fmt.Errorf("a bound of %d for %d permits: only a signalling semaphore has one: %w", o.Bound, n, ErrPermits)
	case o.Signalling && o.Bound == 0:
		size = maxPermits
	case o.Signalling:
		size = o.Bound
	}
	if n < 0 || size < 1 || n > size || size > maxPermits {
		return 0, fmt.Errorf("%d permits and a bound of %d: want 0 to the bound, and a bound of 1 to %d: %w", n, size, int64(maxPermits), ErrPermits)
	}
	return size, nil
}

// Acquire takes n permits. It waits until they are free. If ctx ends first,
// Acquire returns ctx.Err() unchanged, and takes no permits. If n is larger than
// the semaphore's size, Acquire waits until ctx ends, as Weighted does.
func (s *Semaphore) Acquire(ctx context.Context, n int64) error {
	if !wait.Endless(ctx) {
		return s.acquireSlow(ctx, n)
	}
	// As take does, without a call: a locked instruction waits for what a call stores. And
	// without take itself: it returns in several places, so its result would be looked at.
	side := s.side
	w := atomic.LoadUint64(&side.mem.word)
	switch to := w - uint64(n); {
	case !s.fits(n, to), s.queue.Queued(), side.mem.queue.Barred(), !side.begin(w, to):
	default:
		side.end(to, side.held()+n)
		if !s.core.Closed() {
			s.edge.Acquire()
			return nil
		}
	}
	return s.acquireSlow(ctx, n)
}

// acquireSlow checks what Acquire was given, and waits for n permits, or for the
// end of the segment.
func (s *Semaphore) acquireSlow(ctx context.Context, n int64) error {
	if ctx == nil {
		return s.ref.CheckContext(ctx)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if n < 0 {
		return s.ref.Fault(fmt.Errorf("acquire %d permits: %w", n, ErrPermits))
	}
	if n > s.size {
		return s.never(ctx)
	}
	if s.core.Closed() {
		return s.ref.Check() // Acquire may have taken n, and no more are taken
	}
	if s.queue.Queued() || s.take(n, false) != done {
		if err := s.await(ctx, n); err != nil {
			return err
		}
	}
	if s.core.Closed() {
		return s.ref.Check()
	}
	s.edge.Acquire()
	return nil
}

// await waits for n permits, and takes them.
func (s *Semaphore) await(ctx context.Context, n int64) error {
	if n > 1 {
		atomic.StoreUint32(&s.mem.weighty, 1)
	}
	b := patient
	b.done = ctx.Done()
	return s.queue.Await(ctx, func(first bool) bool { return s.acquire(n, first, b) || s.core.Closed() }, s.reclaim)
}

// never waits for permits that cannot come, in nobody's way.
func (s *Semaphore) never(ctx context.Context) error {
	s.queue.Tally().Waited()
	for !s.core.Closed() {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(wait.Slice()):
		}
	}
	return s.ref.Check()
}

// TryAcquire takes n permits if they are free and no waiter is to get them first.
// It reports whether it took them. It panics if the segment is closed.
func (s *Semaphore) TryAcquire(n int64) bool {
	// As take does: see Acquire.
	side := s.side
	w := atomic.LoadUint64(&side.mem.word)
	switch to := w - uint64(n); {
	case !s.fits(n, to), s.queue.Queued(), side.mem.queue.Barred(), !side.begin(w, to):
	default:
		side.end(to, side.held()+n)
		if !s.core.Closed() {
			s.edge.Acquire()
			return true
		}
	}
	return s.tryAcquireSlow(n)
}

// tryAcquireSlow checks what TryAcquire was given, waits for others' changes, and
// brings back the permits of the dead.
func (s *Semaphore) tryAcquireSlow(n int64) bool {
	s.mustBePermits(n)
	s.mustBeOpen() // TryAcquire may have taken n, and no more are taken
	ok := !s.queue.Queued() && s.acquire(n, false, brief)
	if !ok {
		// Once only, so that polling for the permits of the dead ends too.
		s.queue.DropStale()
		s.reclaim()
		ok = !s.queue.Queued() && s.acquire(n, false, brief)
	}
	s.mustBeOpen()
	if ok {
		s.edge.Acquire()
	}
	return ok
}

// Release gives n permits back. It panics and changes nothing in three cases: if
// this process holds fewer than n permits, if a signalling semaphore would exceed
// its bound, or if the segment is closed.
func (s *Semaphore) Release(n int64) {
	s.mustBeOpen() // now: who gets the permits may close the segment
	s.edge.Release()
	// As give does: see Acquire.
	side := s.side
	w := atomic.LoadUint64(&side.mem.word)
	switch to := w + uint64(n); {
	case !s.fits(n, to), !side.begin(w, to):
	default:
		held := side.held()
		if held < n {
			side.end(w, held)
			break
		}
		side.end(to, held-n)
		if s.fence || side.mem.queue.Waiting() {
			s.gave(n)
		}
		return
	}
	s.releaseSlow(n)
}

// releaseSlow checks what Release was given, and waits for others' changes.
func (s *Semaphore) releaseSlow(n int64) {
	s.mustBePermits(n)
	if !s.release(n) && !s.core.Closed() {
		s.ref.Misuse("released %d permits, more than held", n)
	}
}

// Value returns how many permits are free at the moment.
func (s *Semaphore) Value() int64 {
	v := free(atomic.LoadUint64(&s.mem.word))
	s.mustBeOpen()
	return v
}

// Size returns the bound of the semaphore: the number of permits that it can have
// in all.
func (s *Semaphore) Size() int64 { return s.size }

// Stats returns the counts of the semaphore: see [shm.Stats]. A repair brings back the permits of
// processes that died, or ends a change in the middle of which one died.
func (s *Semaphore) Stats() shm.Stats { return shm.Stats(s.queue.Tally().Counts()) }

// String returns the names of the semaphore and of its segment.
func (s *Semaphore) String() string { return s.ref.String() }

func (s *Semaphore) mustBeOpen() {
	if s.core.Closed() {
		s.ref.PanicClosed()
	}
}

func (s *Semaphore) mustBePermits(n int64) {
	if n < 0 {
		s.ref.Misuse("%d permits", n)
	}
}
