package shm

import (
	"context"
	"sync/atomic"

	"github.com/isthmus-go/isthmus/internal/layout"
	"github.com/isthmus-go/isthmus/internal/race"
	"github.com/isthmus-go/isthmus/internal/segment"
)

// A Lock is a mutual exclusion lock between processes, and between the
// goroutines of each. It is a [sync.Locker] and behaves as a [sync.Mutex] does:
// it is not reentrant, it is held by the process rather than by a goroutine,
// and any goroutine of that process may unlock it.
//
// A process that dies with the lock held does not take it along: the next
// process to ask has it within 50 ms of its end. (To take a killed process apart
// takes the kernel some 60 ms for each gigabyte.) The dead one may have left the
// protected data half changed. [Lock.LockContext] reports that as
// [ErrOwnerDied] until somebody calls [Lock.MarkConsistent]; [Lock.Lock] and
// [Lock.TryLock] go on regardless.
//
// As with a sync.Mutex, whoever comes first gets a free lock, but one that has
// waited for longer than a millisecond gets it before all others.
//
// In the terms of the Go memory model, the n'th call of Unlock synchronizes
// before the m'th return from Lock, for n < m, across processes too. A failed
// TryLock synchronizes with nothing.
//
// The uncontended paths make no system call. A Lock takes 128 bytes of the
// segment.
type Lock struct {
	ref segment.Ref
	ownerLock
	edge race.Edge
}

// NewLock returns the lock with that name, made free if it does not exist. All
// calls on one Segment return the same *Lock.
func NewLock(s *Segment, name string) (*Lock, error) {
	obj, err := s.core.Object(segment.Spec{
		Kind: layout.KindLock, Name: name, Size: LockSize,
	})
	if err != nil {
		return nil, err
	}
	return s.core.Local(obj, func() any {
		l := &Lock{ref: s.core.Ref(layout.KindLock, name)}
		l.init(s.core, obj.Mem)
		return l
	}).(*Lock), nil
}

// Lock locks l. If the lock is held, by whichever process, Lock waits. If its
// owner died inside, Lock returns with the lock held all the same: use
// LockContext to be told. It panics if the segment is closed.
func (l *Lock) Lock() {
	if !l.tryFree() {
		l.wait()
	}
	l.edge.Acquire()
}

// wait is Lock where the lock may be held, or the segment closed.
func (l *Lock) wait() {
	_ = l.lockSlow(context.Background()) // without a Done channel it cannot fail
	if l.core.Closed() {
		l.ref.PanicClosed()
	}
}

// TryLock tries to lock l and reports whether it did. It panics if the segment
// is closed.
func (l *Lock) TryLock() bool {
	ok := l.tryLock()
	if !ok {
		// Once only, so that polling for the lock of a dead owner ends too.
		l.makeWay()
		ok = l.tryLock()
	}
	if l.core.Closed() {
		l.ref.PanicClosed()
	}
	if ok {
		l.edge.Acquire()
	}
	return ok
}

// LockContext locks l as Lock does, but gives up when ctx ends, and returns an error
// that wraps that of ctx, without the lock.
//
// If the lock's owner died inside, LockContext returns an error that wraps
// [ErrOwnerDied], with the lock held. Every later LockContext does so too,
// until a holder has repaired the protected data and called MarkConsistent.
func (l *Lock) LockContext(ctx context.Context) error {
	if err := l.ref.CheckContext(ctx); err != nil {
		return err
	}
	if !l.tryFree() {
		if err := l.lockSlow(ctx); err != nil {
			return l.ref.Fault(err)
		}
	}
	if l.core.Closed() {
		return l.ref.Check()
	}
	l.edge.Acquire()
	if l.ownerDied() {
		return l.ref.Fault(ErrOwnerDied)
	}
	return nil
}

// MarkConsistent says that the data that l protects is whole again after an
// owner died inside. It panics if this process does not hold l.
func (l *Lock) MarkConsistent() {
	if ok := l.markConsistent(); !ok || l.core.Closed() {
		l.misuse("MarkConsistent of a Lock that this process does not hold")
	}
}

// Unlock unlocks l. It panics, and changes nothing, if this process does not
// hold l. It panics if the segment is closed. As with a [sync.Mutex], an Unlock
// too many may also go unnoticed and undo the Lock of another: here only if it
// runs at the same moment as the right one.
func (l *Lock) Unlock() {
	l.edge.Release()
	w := atomic.LoadUint64(&l.held)
	if w == 0 || !l.giveUp(w) {
		l.unlockSlow(w != 0)
	}
}

// unlockSlow is the rest of Unlock where somebody may wait, or something is wrong.
func (l *Lock) unlockSlow(held bool) {
	if held {
		l.wake()
	}
	if !held || l.core.Closed() {
		l.misuse("Unlock of a Lock that this process does not hold")
	}
}

func (l *Lock) misuse(what string) {
	if l.core.Closed() {
		l.ref.PanicClosed()
	}
	l.ref.Misuse("%s", what)
}

// String names the lock and its segment.
func (l *Lock) String() string { return l.ref.String() }
