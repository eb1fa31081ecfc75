package shm

import "github.com/isthmus-go/isthmus/internal/wait"

// Stats are counts of what this process has done at an object, of all its goroutines, since it
// opened the object by its [Segment]. They only rise. Each count is loaded by itself, so they may be
// of slightly different moments. Nothing that neither waits, nor wakes, nor repairs counts anything.
// Stats may be asked for after the segment was closed.
//
// They are fit for package expvar, and for metrics that are polled:
//
//	expvar.Publish("lock", expvar.Func(func() any { return l.Stats() }))
type Stats struct {
	// Waits is how often an operation has slept, or stood behind another of this process that
	// did, because what it wanted did not come within the first microseconds. One that sleeps for
	// two things in turn, as a writer for another and then for readers, counts twice. A Select
	// counts once at each of its objects.
	Waits uint64

	// WakeUps is how often this process has woken others. Each is a system call. A few find
	// that nobody sleeps any more. Where waiters poll (see [futex.Native]), it is no system
	// call, but counts all the same.
	//
	// [futex.Native]: https://pkg.go.dev/github.com/isthmus-go/isthmus/futex#Native
	WakeUps uint64

	// Repairs is how often this process has put right what processes had left that died, or
	// closed their Segment in the middle: freed the lock of a dead owner, for example. One
	// death may take several repairs, and one repair may be for several deaths. The repairs of all
	// processes add up to all that there were.
	Repairs uint64
}

// Stats returns the counts of l: see [Stats]. A repair frees the lock of an owner that died.
func (l *Lock) Stats() Stats { return statsOf(l.lock.Queue()) }

// Stats returns the counts of l: see [Stats]. A repair frees the lock of an owner that died.
func (l *RecursiveLock) Stats() Stats { return statsOf(l.lock.Queue()) }

// Stats returns the counts of l: see [Stats]. A repair frees the lock of a writer that died, or
// no longer waits for the readers of a process that died.
func (l *RWLock) Stats() Stats { return statsOf(l.lock.Queue()) }

func statsOf(q *wait.Queue) Stats { return Stats(q.Tally().Counts()) }
