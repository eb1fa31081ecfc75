package shm

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/isthmus-go/isthmus/internal/layout"
	"github.com/isthmus-go/isthmus/internal/ownerlock"
	"github.com/isthmus-go/isthmus/internal/race"
	"github.com/isthmus-go/isthmus/internal/segment"
)

// An RWLock is a reader/writer mutual exclusion lock between processes, and
// between the goroutines of each process. Any number of readers may hold it, or
// one writer. It behaves as a [sync.RWMutex] does. The process holds it, not the
// goroutine: any goroutine of that process may unlock it.
//
// Readers of different processes do not disturb each other: each process writes
// to a cache line of its own. A writer looks at the lines of all processes.
//
// A writer that waits for readers keeps new readers out, and readers that have
// waited for a writer get the lock before the next writer does. So neither
// starve. For the same reason, a process that holds the lock for reading must not
// ask for it again: see [sync.RWMutex]. Writers among themselves wait as they do
// for a [Lock].
//
// If a process dies, its readers hold the lock no longer. If a process dies while
// it holds the lock for writing, those who wait get the lock within 50 ms of the
// end of the dead process. The dead process may have left the protected data half
// changed. [RWLock.RLockContext] and [RWLock.LockContext] report this as
// [ErrOwnerDied], until a writer calls [RWLock.MarkConsistent]. The other methods
// do not report it. The death of a writer that still waits is not reported.
//
// In the terms of the Go memory model, the n'th call of Unlock synchronizes
// before the m'th return from Lock, for n < m, across processes too. For each
// return from RLock there is an n so that the n'th call of Unlock synchronizes
// before it, and the matching RUnlock synchronizes before the return from Lock
// n+1. Failed TryLocks and TryRLocks synchronize with nothing.
//
// The uncontended paths make no system call. An RWLock takes 256 bytes of the
// segment, plus 128 bytes for each process that the segment has room for. Up to
// two million goroutines of one process may hold it, or wait for it.
type RWLock struct {
	ref segment.Ref
	rwState
	wrote, read race.Edge // what writers, and readers, have done
}

// NewRWLock returns the reader/writer lock with that name. It creates a free lock
// if none exists. All calls on one Segment return the same *RWLock.
func NewRWLock(s *Segment, name string) (*RWLock, error) {
	obj, err := s.core.Object(segment.Spec{
		Kind: layout.KindRWLock, Name: name, Size: rwSize(s.core.MaxProcs()),
	})
	if err != nil {
		return nil, err
	}
	return s.core.Local(obj, func() any {
		l := &RWLock{ref: s.core.Ref(layout.KindRWLock, name)}
		l.init(s.core, obj.Mem)
		return l
	}).(*RWLock), nil
}

// RLock locks l for reading. It waits while a writer holds l, or waits for
// readers. If a writer died while it held l, RLock does not report it;
// RLockContext does. RLock panics if the segment is closed.
func (l *RWLock) RLock() {
	word, core := l.word, l.core // before: loads wait for the locked instruction
	if atomic.AddUint64(l.mine, reading); atomic.LoadUint64(word) != 0 || core.Closed() {
		l.rlockSlow()
	}
	l.wrote.Acquire()
}

// rlockSlow is the rest of RLock where there may be a writer, or the segment is closed.
func (l *RWLock) rlockSlow() {
	_, _ = l.admit(context.Background()) // without a Done channel it cannot fail
	l.mustBeOpen()
}

// TryRLock tries to lock l for reading and reports whether it succeeded. It fails
// if a writer holds l or waits for readers. It panics if the segment is closed.
func (l *RWLock) TryRLock() bool {
	ok := l.tryRead()
	if !ok {
		l.lock.MakeWay() // once only, so that polling for what a dead writer holds ends too
		ok = l.tryRead()
	}
	l.mustBeOpen()
	if ok {
		l.wrote.Acquire()
	}
	return ok
}

// RLockContext locks l for reading as RLock does. If ctx ends first, RLockContext
// returns an error that wraps the error of ctx, and does not hold l.
//
// If a writer died while it held l, RLockContext returns an error that wraps
// [ErrOwnerDied], and holds l for reading. So does every later RLockContext, until
// a writer has repaired the protected data and called MarkConsistent.
func (l *RWLock) RLockContext(ctx context.Context) error {
	if err := l.ref.CheckContext(ctx); err != nil {
		return err
	}
	atomic.AddUint64(l.mine, reading)
	w := atomic.LoadUint64(l.word)
	if w != 0 {
		var err error
		if w, err = l.admit(ctx); err != nil {
			return l.ref.Fault(err)
		}
	}
	return l.rlockedAt(w)
}

// rlockedAt returns the error of an operation that has come to its end with the lock, when
// the writers' word was w, or because the segment is closed.
func (l *RWLock) rlockedAt(w uint64) error {
	if l.core.Closed() {
		return l.ref.Check()
	}
	l.wrote.Acquire()
	if w&ownerlock.Died != 0 {
		return l.ref.Fault(ErrOwnerDied)
	}
	return nil
}

// RUnlock undoes one RLock. If this process does not hold l for reading, RUnlock
// panics and changes nothing. It panics if the segment is closed. As with a
// [sync.RWMutex], one RUnlock too many may go unnoticed while other goroutines of
// the process hold l for reading.
func (l *RWLock) RUnlock() {
	l.read.Release()
	l.mustBeOpen() // now: a writer may close the segment next
	word := l.word // as in RLock
	if n := atomic.AddUint64(l.mine, notReading); int64(n) < 0 || atomic.LoadUint64(word) != 0 {
		l.runlockSlow(n)
	}
}

// runlockSlow is the rest of RUnlock where a writer may wait, or something is wrong.
func (l *RWLock) runlockSlow(n uint64) {
	if int64(n) < 0 {
		l.add(reading)
		l.misuse("RUnlock of an RWLock that this process does not hold for reading")
	}
	l.left(n)
}

// Lock locks l for writing. It waits while anybody holds l. If a writer died while
// it held l, Lock still returns with l held, and does not report the death;
// LockContext does. Lock panics if the segment is closed.
func (l *RWLock) Lock() {
	_ = l.write(context.Background()) // without a Done channel it cannot fail
	l.mustBeOpen()
	l.acquire()
}

// TryLock tries to lock l for writing and reports whether it succeeded. It panics
// if the segment is closed.
func (l *RWLock) TryLock() bool {
	ok := l.tryWrite()
	if !ok {
		l.makeWay() // once only, so that polling for what the dead hold ends too
		ok = l.tryWrite()
	}
	l.mustBeOpen()
	if ok {
		l.acquire()
	}
	return ok
}

// LockContext locks l for writing as Lock does. If ctx ends first, LockContext
// returns an error that wraps the error of ctx, and does not hold l.
//
// If a writer died while it held l, LockContext returns an error that wraps
// [ErrOwnerDied], and holds l. So does every later LockContext, until a writer has
// repaired the protected data and called MarkConsistent.
func (l *RWLock) LockContext(ctx context.Context) error {
	if err := l.ref.CheckContext(ctx); err != nil {
		return err
	}
	if err := l.write(ctx); err != nil {
		return l.ref.Fault(err)
	}
	if l.core.Closed() {
		return l.ref.Check()
	}
	l.acquire()
	if l.lock.OwnerDied() {
		return l.ref.Fault(ErrOwnerDied)
	}
	return nil
}

// acquire tells the race detector what has come before a Lock.
func (l *RWLock) acquire() {
	l.wrote.Acquire()
	l.read.Acquire()
}

// MarkConsistent declares that the data that l protects is consistent again after
// a writer died while it held l. It panics if this process does not hold l for
// writing.
func (l *RWLock) MarkConsistent() {
	if !ownerlock.Inside(l.lock.Held()) || !l.lock.MarkConsistent() || l.core.Closed() {
		l.misuse("MarkConsistent of an RWLock that this process does not hold for writing")
	}
}

// Unlock unlocks l for writing. If this process does not hold l for writing,
// Unlock panics and changes nothing. It panics if the segment is closed.
func (l *RWLock) Unlock() {
	l.wrote.Release()
	w := l.lock.Held()
	if !ownerlock.Inside(w) || l.core.Closed() {
		l.misuse("Unlock of an RWLock that this process does not hold for writing")
	}
	l.leave()
	l.giveUp(w) // who has got it may have closed the segment
}

// RLocker returns a [sync.Locker] whose Lock and Unlock call RLock and RUnlock.
func (l *RWLock) RLocker() sync.Locker { return (*rlocker)(l) }

type rlocker RWLock

func (r *rlocker) Lock()   { (*RWLock)(r).RLock() }
func (r *rlocker) Unlock() { (*RWLock)(r).RUnlock() }

// String returns the names of the lock and of its segment.
func (l *RWLock) String() string { return l.ref.String() }

func (l *RWLock) mustBeOpen() {
	if l.core.Closed() {
		l.ref.PanicClosed()
	}
}

func (l *RWLock) misuse(what string) {
	l.mustBeOpen()
	l.ref.Misuse("%s", what)
}
