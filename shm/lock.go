package shm

import (
	"context"

	"github.com/isthmus-go/isthmus/internal/layout"
	"github.com/isthmus-go/isthmus/internal/ownerlock"
	"github.com/isthmus-go/isthmus/internal/race"
	"github.com/isthmus-go/isthmus/internal/segment"
	"github.com/isthmus-go/isthmus/internal/wait"
)

// A Lock is a mutual exclusion lock between processes, and between the goroutines
// of each process. It is a [sync.Locker] and behaves as a [sync.Mutex] does. It
// is not reentrant. The process holds it, not the goroutine: any goroutine of
// that process may unlock it.
//
// If a process dies while it holds the lock, the next process that asks for the
// lock gets it within 50 ms of the end of the dead process. (The kernel needs
// about 60 ms for each gigabyte to end a killed process.) The dead process may
// have left the protected data half changed. [Lock.LockContext] reports this as
// [ErrOwnerDied] until a process calls [Lock.MarkConsistent]. [Lock.Lock] and
// [Lock.TryLock] do not report it.
//
// As with a sync.Mutex, the first process or goroutine that tries a free lock
// gets it. But if a waiter has waited for longer than a millisecond, it gets the
// lock before all others.
//
// In the terms of the Go memory model, the n'th call of Unlock synchronizes
// before the m'th return from Lock, for n < m, across processes too. A failed
// TryLock synchronizes with nothing.
//
// The uncontended paths make no system call. A Lock takes 128 bytes of the
// segment.
type Lock struct {
	ref  segment.Ref
	lock ownerlock.Lock
	edge race.Edge
}

// NewLock returns the lock with that name. It creates a free lock if none exists.
// All calls on one Segment return the same *Lock.
func NewLock(s *Segment, name string) (*Lock, error) {
	obj, err := s.core.Object(segment.Spec{
		Kind: layout.KindLock, Name: name, Size: LockSize,
	})
	if err != nil {
		return nil, err
	}
	return s.core.Local(obj, func() any {
		l := &Lock{ref: s.core.Ref(layout.KindLock, name)}
		l.lock.Init(s.core, obj.Mem)
		l.lock.Queue().CountIn(new(wait.Tally))
		return l
	}).(*Lock), nil
}

// Lock locks l. If any process holds the lock, Lock waits. If the owner died
// while it held the lock, Lock still returns with the lock held, and does not
// report the death; LockContext does. Lock panics if the segment is closed.
func (l *Lock) Lock() {
	if !l.lock.TryFree() {
		l.wait()
	}
	l.edge.Acquire()
}

// wait is Lock where the lock may be held, or the segment closed.
func (l *Lock) wait() {
	_ = l.lock.Await(context.Background()) // without a Done channel it cannot fail
	if l.lock.Closed() {
		l.ref.PanicClosed()
	}
}

// TryLock tries to lock l and reports whether it succeeded. As that of a sync.Mutex,
// it may fail though l is free: if somebody has waited for longer than a millisecond,
// who gets it first. It panics if the segment is closed.
func (l *Lock) TryLock() bool {
	ok := l.lock.TryLock()
	if !ok {
		// Once only, so that polling for the lock of a dead owner ends too.
		l.lock.MakeWay()
		ok = l.lock.TryLock()
	}
	if l.lock.Closed() {
		l.ref.PanicClosed()
	}
	if ok {
		l.edge.Acquire()
	}
	return ok
}

// LockContext locks l as Lock does. If ctx ends first, LockContext returns an
// error that wraps the error of ctx, and does not hold the lock.
//
// If the owner died while it held the lock, LockContext returns an error that
// wraps [ErrOwnerDied], and holds the lock. Every later LockContext does the
// same, until a holder has repaired the protected data and called MarkConsistent.
func (l *Lock) LockContext(ctx context.Context) error {
	if err := l.ref.CheckContext(ctx); err != nil {
		return err
	}
	if !l.lock.TryFree() {
		if err := l.lock.Await(ctx); err != nil {
			return l.ref.Fault(err)
		}
	}
	return l.locked()
}

// locked returns the error of an operation that has come to its end with the lock, or
// because the segment is closed.
func (l *Lock) locked() error {
	if l.lock.Closed() {
		return l.ref.Check()
	}
	l.edge.Acquire()
	if l.lock.OwnerDied() {
		return l.ref.Fault(ErrOwnerDied)
	}
	return nil
}

// MarkConsistent declares that the data that l protects is consistent again after
// an owner died while it held l. It panics if this process does not hold l.
func (l *Lock) MarkConsistent() {
	if ok := l.lock.MarkConsistent(); !ok || l.lock.Closed() {
		l.misuse("MarkConsistent of a Lock that this process does not hold")
	}
}

// Unlock unlocks l. If this process does not hold l, Unlock panics and changes
// nothing. It panics if the segment is closed. As with a [sync.Mutex], one Unlock
// too many may go unnoticed and unlock the lock of another goroutine. Here this
// can happen only if it runs at the same moment as the correct Unlock.
func (l *Lock) Unlock() {
	l.edge.Release()
	w := l.lock.Held()
	if w == 0 || l.lock.Closed() {
		l.misuse("Unlock of a Lock that this process does not hold")
	}
	if !l.lock.GiveUp(w) { // who has got it may have closed the segment
		l.lock.Wake()
	}
}

func (l *Lock) misuse(what string) {
	if l.lock.Closed() {
		l.ref.PanicClosed()
	}
	l.ref.Misuse("%s", what)
}

// String returns the names of the lock and of its segment.
func (l *Lock) String() string { return l.ref.String() }
