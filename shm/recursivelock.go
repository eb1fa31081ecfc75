package shm

import (
	"context"
	"math"
	"sync/atomic"

	"github.com/isthmus-go/isthmus/internal/layout"
	"github.com/isthmus-go/isthmus/internal/ownerlock"
	"github.com/isthmus-go/isthmus/internal/race"
	"github.com/isthmus-go/isthmus/internal/segment"
	"github.com/isthmus-go/isthmus/internal/wait"
)

// A RecursiveLock is a [Lock] that its holder may lock again. It behaves as the RLock of
// Python's threading and multiprocessing does, and is for those who port programs that use
// one: a program that need not lock again is simpler with a Lock.
//
// A goroutine has no identity, so the holder is named by a token: a number that the program
// chooses, and passes to whatever may lock again. The holder is the process, more exactly
// its [Segment], together with the token. So two processes that use the same token exclude
// each other, and so do two tokens of one process. Goroutines of one process that use the
// same token are the same holder: while it holds the lock, each of them locks it once more at
// once. But those that asked before that take turns, as different holders do. So a goroutine
// that holds the lock must not wait for another one of its token that may have asked earlier.
//
// The lock is free again after as many calls of [RecursiveLock.Unlock] as there were
// of the methods that lock.
//
// If a process dies while it holds the lock, however often, the next one that asks for it
// gets it within 50 ms of the end of the dead process, and locks it for the first time.
// [RecursiveLock.LockContext] reports the death as [ErrOwnerDied], until a holder calls
// [RecursiveLock.MarkConsistent]. Waiters are served as those of a Lock are.
//
// In the terms of the Go memory model, the n'th call of Unlock that frees the lock
// synchronizes before the m'th return of a method that has locked it for the first time,
// for n < m, across processes too. A failed TryLock synchronizes with nothing.
//
// The uncontended paths make no system call. A RecursiveLock takes 128 bytes of the segment.
type RecursiveLock struct {
	ref  segment.Ref
	lock ownerlock.Lock
	hold atomic.Uint64
	edge race.Edge
}

// The segment has nothing but the ownerlock.Lock, which names the process. Who of the process
// holds it, and how often, concerns nobody else, and dies with it: it is the word hold, of
// this process's memory.
//
//	bits 32-63 token; bits 0-31 depth, how often it is locked
//
//	0           --takes the ownerlock.Lock-->  token, 1
//	token, n    --the same token locks-->      token, n+1
//	token, n+1  --Unlock-->                    token, n
//	token, 1    --Unlock-->                    0, and gives the ownerlock.Lock up
//
// Invariants
//
//  1. If depth is not 0, this process has the ownerlock.Lock. So only its owner leaves 0.
//  2. Each transition is one compare-and-swap, or a store of Invariant 1. A token that finds
//     itself in the word cannot be taken for another's hold, even if goroutines share it.
//  3. A death leaves what a death of ownerlock.Lock's owner leaves.
//  4. Once the segment is closed, nobody leaves 0.
//
// Memory orderings. A token that finds itself in the word goes on from its own last
// transition. Everything else is ownerlock.Lock's.
const (
	holdToken = 32
	holdDepth = 1<<holdToken - 1
)

// NewRecursiveLock returns the recursive lock with that name. It creates a free one if none
// exists. All calls on one Segment return the same *RecursiveLock.
func NewRecursiveLock(s *Segment, name string) (*RecursiveLock, error) {
	obj, err := s.core.Object(segment.Spec{
		Kind: layout.KindRecursiveLock, Name: name, Size: RecursiveLockSize,
	})
	if err != nil {
		return nil, err
	}
	return s.core.Local(obj, func() any {
		l := &RecursiveLock{ref: s.core.Ref(layout.KindRecursiveLock, name)}
		l.lock.Init(s.core, obj.Mem)
		l.lock.Queue().CountIn(new(wait.Tally))
		return l
	}).(*RecursiveLock), nil
}

// Lock locks l. If this token holds l, Lock locks it once more. If another holder has it,
// Lock waits. If a process died while it held l, Lock returns with l held, and does not
// report the death; LockContext does. Lock panics if the segment is closed.
func (l *RecursiveLock) Lock(token uint32) {
	_ = l.acquire(context.Background(), token) // without a Done channel it cannot fail
	l.mustBeOpen()
}

// TryLock tries to lock l and reports whether it succeeded. It succeeds if this token holds
// l. It may fail though l is free, as Lock.TryLock. It panics if the segment is closed.
func (l *RecursiveLock) TryLock(token uint32) bool {
	ok := l.try(token)
	if !ok {
		l.lock.MakeWay() // once only, so that polling for what a dead owner holds ends too
		ok = l.try(token)
	}
	l.mustBeOpen()
	return ok
}

// try locks l, once more or for the first time, if that takes no waiting.
func (l *RecursiveLock) try(token uint32) bool {
	if l.again(token) {
		return true
	}
	ok := l.lock.TryLock()
	if ok {
		l.begin(token)
	}
	return ok
}

// LockContext locks l as Lock does. If ctx ends first, or before, LockContext returns an
// error that wraps the error of ctx, and has not locked l.
//
// If a process died while it held l, LockContext returns an error that wraps
// [ErrOwnerDied], and has locked l. So does every later LockContext, also one that locks it
// once more, until a holder has repaired the protected data and called MarkConsistent.
func (l *RecursiveLock) LockContext(ctx context.Context, token uint32) error {
	if err := l.ref.CheckContext(ctx); err != nil {
		return err
	}
	if err := l.acquire(ctx, token); err != nil {
		return l.ref.Fault(err)
	}
	return l.locked()
}

// locked returns the error of an operation that has come to its end with the lock, or
// because the segment is closed.
func (l *RecursiveLock) locked() error {
	if l.lock.Closed() {
		return l.ref.Check()
	}
	if l.lock.OwnerDied() {
		return l.ref.Fault(ErrOwnerDied)
	}
	return nil
}

// acquire locks l, once more or for the first time. It returns nil without the lock if the
// segment is closed.
func (l *RecursiveLock) acquire(ctx context.Context, token uint32) error {
	if l.again(token) {
		return nil
	}
	if !l.lock.TryFree() {
		if err := l.lock.Await(ctx); err != nil {
			return err
		}
	}
	l.begin(token)
	return nil
}

// again locks l once more if this token holds it.
func (l *RecursiveLock) again(token uint32) bool {
	for {
		w := l.hold.Load()
		if !holds(w, token) {
			return false
		}
		if w&holdDepth == math.MaxInt32 {
			l.misuse("Lock of a RecursiveLock that token %d holds %d times", token, math.MaxInt32)
		}
		if l.hold.CompareAndSwap(w, w+1) {
			return true
		}
	}
}

// begin is the first hold of this token, which has got the ownerlock.Lock.
func (l *RecursiveLock) begin(token uint32) {
	if !l.lock.Closed() {
		l.hold.Store(uint64(token)<<holdToken | 1)
	}
	l.edge.Acquire()
}

// holds reports whether w is a hold of this token.
func holds(w uint64, token uint32) bool { return w&holdDepth != 0 && uint32(w>>holdToken) == token }

// Count returns how often this token holds l, 0 if it does not. It panics if the segment is
// closed.
func (l *RecursiveLock) Count(token uint32) int {
	w := l.hold.Load()
	l.mustBeOpen()
	if !holds(w, token) {
		return 0
	}
	return int(w & holdDepth)
}

// MarkConsistent declares that the data that l protects is consistent again after a process
// died while it held l. It panics if this token does not hold l.
func (l *RecursiveLock) MarkConsistent(token uint32) {
	if !holds(l.hold.Load(), token) || !l.lock.MarkConsistent() || l.lock.Closed() {
		l.misuse("MarkConsistent of a RecursiveLock that token %d of this process does not hold", token)
	}
}

// Unlock undoes one call that has locked l. If it was the first one, l is free. If this token
// does not hold l, Unlock panics and changes nothing. It panics if the segment is closed.
func (l *RecursiveLock) Unlock(token uint32) {
	for {
		w := l.hold.Load()
		if !holds(w, token) {
			l.misuse("Unlock of a RecursiveLock that token %d of this process does not hold", token)
		}
		to := w - 1
		if to&holdDepth == 0 {
			l.edge.Release()
			to = 0
		}
		l.mustBeOpen() // now: who gets it may close the segment
		if !l.hold.CompareAndSwap(w, to) {
			continue
		}
		if to == 0 {
			l.lock.Unlock()
		}
		return
	}
}

func (l *RecursiveLock) mustBeOpen() {
	if l.lock.Closed() {
		l.ref.PanicClosed()
	}
}

func (l *RecursiveLock) misuse(format string, args ...any) {
	l.mustBeOpen()
	l.ref.Misuse(format, args...)
}

// String returns the names of the lock and of its segment.
func (l *RecursiveLock) String() string { return l.ref.String() }
