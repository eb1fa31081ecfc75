package storm

import (
	"context"
	"errors"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/shm"
)

// syncs are the objects that behave as those of package sync do, and their like.
type syncs struct {
	rw        *shm.RWLock // of a pair: two elements that are equal when nobody writes
	rwPair    *shm.Array[uint64]
	recursive *shm.RecursiveLock
	holder    *shm.Value[uint64] // of recursive
	event     *shm.Event
	once      *shm.Once
	group     *shm.WaitGroup
	barrier   *shm.Barrier
	cond      *shm.Cond
}

func newSyncs(t proctest.Fataler, seg *shm.Segment) syncs {
	lock := proctest.Must(shm.NewLock(seg, "cond lock"))(t)
	return syncs{
		rw:        proctest.Must(shm.NewRWLock(seg, "rw"))(t),
		rwPair:    proctest.Must(shm.NewArray[uint64](seg, "rw pair", 2))(t),
		recursive: proctest.Must(shm.NewRecursiveLock(seg, "recursive"))(t),
		holder:    proctest.Must(shm.NewValue[uint64](seg, "holder"))(t),
		event:     proctest.Must(shm.NewEvent(seg, "event"))(t),
		once:      proctest.Must(shm.NewOnce(seg, "once"))(t),
		group:     proctest.Must(shm.NewWaitGroup(seg, "group"))(t),
		barrier:   proctest.Must(shm.NewBarrier(seg, "barrier", 2, shm.GoOn))(t),
		cond:      proctest.Must(shm.NewCond(seg, "cond", lock))(t),
	}
}

// leftFree reports whether the dead have left everything free.
func (s syncs) leftFree() bool {
	s.group.Wait()
	return s.rw.TryLock() && s.recursive.TryLock(1) && s.cond.L.TryLock()
}

func (a *actor) useSyncs() {
	ways := []func(){a.writePair, a.readPair, a.lockTwice, a.useEvent, a.doOnce, a.count, a.meet, a.useCond}
	a.begin(storing)
	ways[a.rnd.IntN(len(ways))]()
	a.end()
}

func (a *actor) writePair() {
	err := a.rw.LockContext(background)
	x, y := a.rwPair.Load(0), a.rwPair.Load(1)
	switch {
	case errors.Is(err, shm.ErrOwnerDied):
		a.rwPair.Store(1, x)
		a.rw.MarkConsistent()
	case err != nil:
		a.check(storing, err)
	case x != y:
		a.t.Fatalf("the pair is %d, %d, and no writer's death was reported", x, y)
	}
	a.rwPair.Store(0, x+1)
	a.dawdle()
	a.rwPair.Store(1, x+1)
	a.rw.Unlock()
}

func (a *actor) readPair() {
	a.readInside(a.rw.RLockContext(background))
}

// readInside is what an actor does that has just locked the other pair for reading.
func (a *actor) readInside(err error) {
	x := a.rwPair.Load(0)
	a.dawdle()
	y := a.rwPair.Load(1)
	if !errors.Is(err, shm.ErrOwnerDied) {
		a.check(storing, err)
		if x != y && !a.closing.Load() {
			a.t.Fatalf("a reader has seen %d, %d", x, y)
		}
	}
	a.rw.RUnlock()
}

func (a *actor) lockTwice() {
	token := uint32(a.name)
	a.recursive.Lock(token)
	a.lockAgain(token)
}

// lockAgain is what an actor does that has just locked the recursive lock.
func (a *actor) lockAgain(token uint32) {
	a.recursive.Lock(token)
	a.holder.Store(a.name)
	a.dawdle()
	a.recursive.Unlock(token)
	if other := a.holder.Load(); other != a.name && !a.closing.Load() {
		a.t.Fatalf("two hold a lock: %d and %d", a.name, other)
	}
	a.recursive.Unlock(token)
}

// briefly calls what waits for a moment. Nobody may come.
func (a *actor) briefly(wait func(ctx context.Context) error) {
	ctx, cancel := a.aMoment()
	defer cancel()
	if err := wait(ctx); !errors.Is(err, context.DeadlineExceeded) {
		a.check(storing, err)
	}
}

func (a *actor) useEvent() {
	switch a.rnd.IntN(3) {
	case 0:
		a.event.Set()
	case 1:
		a.event.Clear()
	case 2:
		a.briefly(a.event.Wait)
	}
}

func (a *actor) doOnce() {
	failed := errors.New("failed")
	err := a.once.Do(background, func() error { a.dawdle(); return failed })
	if !errors.Is(err, failed) {
		a.check(storing, err)
	}
}

func (a *actor) count() {
	if a.rnd.IntN(2) == 0 {
		a.briefly(a.group.WaitContext)
		return
	}
	a.group.Add(1)
	a.dawdle()
	a.group.Done()
}

func (a *actor) meet() {
	switch a.rnd.IntN(16) {
	case 0:
		a.barrier.Abort()
	default:
		a.briefly(func(ctx context.Context) error {
			_, err := a.barrier.Wait(ctx)
			if errors.Is(err, shm.ErrBroken) {
				a.barrier.Reset()
				return nil
			}
			return err
		})
	}
}

// useCond waits for a moment, or wakes others. TestCondStorm sees that these get it.
func (a *actor) useCond() {
	owned := func(err error) {
		if errors.Is(err, shm.ErrOwnerDied) {
			a.cond.L.MarkConsistent()
		} else if !errors.Is(err, context.DeadlineExceeded) {
			a.check(storing, err)
		}
	}
	owned(a.cond.L.LockContext(background))
	switch a.rnd.IntN(4) {
	case 0:
		a.cond.Signal()
	case 1:
		a.cond.Broadcast()
	default:
		ctx, cancel := a.aMoment()
		owned(a.cond.WaitContext(ctx))
		cancel()
	}
	a.dawdle()
	a.cond.L.Unlock()
}
