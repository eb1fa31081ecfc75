package storm

import (
	"context"
	"errors"

	"github.com/isthmus-go/isthmus/shm"
)

// share does something, several times, to an object that is no ring.
func (a *actor) share() {
	ways := []func(){a.changePair, a.goInside, a.takePermits, a.useValues, a.add, a.useRows, a.useRemovable, a.useSyncs}
	way := ways[a.rnd.IntN(len(ways))]
	for range a.burst() {
		way()
	}
}

// changePair has the pair differ for a while, inside the lock. A pair that
// differs outside of it was left by somebody dead, and then that is reported.
func (a *actor) changePair() {
	ctx, cancel := background, context.CancelFunc(func() {})
	if a.rnd.IntN(8) == 0 {
		ctx, cancel = a.aMoment()
	}
	defer cancel()
	a.begin(locking.on(pairLock))
	err := a.mu.LockContext(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		a.end()
		return
	}
	a.changeInside(err)
	a.end()
}

// changeInside is what an actor does that has just locked the pair, with that error, or
// finds it closed.
func (a *actor) changeInside(err error) {
	if errors.Is(err, shm.ErrSegmentClosed) {
		a.check(locking, err)
	}
	a.enter(pairLock)
	x, y := a.pair.Load(0), a.pair.Load(1)
	switch {
	case errors.Is(err, shm.ErrOwnerDied):
		if x != y && x != y+1 {
			a.t.Fatalf("a death in the lock has made the pair %d, %d", x, y)
		}
		a.pair.Store(1, x)
		a.dawdle()
		a.mu.MarkConsistent()
		set(&a.page.repairs, a.page.repairs+1)
	case err != nil:
		a.check(locking, err)
	case x != y:
		a.t.Fatalf("the pair is %d, %d, and no death was reported", x, y)
	}
	set(&a.page.locked.begun, a.page.locked.done+1)
	a.pair.Store(0, x+1)
	a.dawdle()
	a.pair.Store(1, x+1)
	set(&a.page.locked.done, a.page.locked.begun)
	a.mu.Unlock()
}

// enter writes down that the actor is inside a lock.
func (a *actor) enter(lock int) {
	a.now(holding.on(ringID(lock)))
	set(&a.ledger.entered[lock], get(&a.ledger.entered[lock])+1)
}

// goInside sees that it is alone inside the other lock.
func (a *actor) goInside() {
	a.begin(locking.on(insideLock))
	if a.rnd.IntN(2) == 0 {
		a.mutex.Lock()
	} else if !a.mutex.TryLock() {
		a.end()
		return
	}
	a.enter(insideLock)
	a.inside.Store(a.name)
	a.dawdle()
	if other := a.inside.Load(); other != a.name {
		a.t.Fatalf("two are inside a lock: %d and %d", a.name, other)
	}
	a.mutex.Unlock()
	a.end()
}

// takePermits takes some permits for a while, and sees that there are not more
// out than there are.
func (a *actor) takePermits() {
	size := a.permits.Size()
	n := 1 + a.rnd.Int64N(size)
	a.begin(acquiring)
	switch a.rnd.IntN(3) {
	case 0:
		a.check(acquiring, a.permits.Acquire(background, n))
	case 1:
		ctx, cancel := a.aMoment()
		err := a.permits.Acquire(ctx, n)
		cancel()
		if errors.Is(err, context.DeadlineExceeded) {
			a.end()
			return
		}
		a.check(acquiring, err)
	case 2:
		if !a.permits.TryAcquire(n) {
			a.end()
			return
		}
	}
	a.holdPermits(n)
	a.end()
}

// holdPermits has the permits for a while.
func (a *actor) holdPermits(n int64) {
	a.hold(n)
	a.dawdle()
	size := a.permits.Size()
	if out := a.ledger.permitsOut(); out > uint64(size) {
		a.t.Fatalf("%d permits are out, of %d", out, size)
	}
	for n > 0 {
		k := 1 + a.rnd.Int64N(n)
		n -= k
		a.hold(n)
		a.permits.Release(k)
	}
}

// hold writes down how many permits this actor is sure to have.
func (a *actor) hold(n int64) {
	set(&a.seat.held, (a.seat.held>>16+1)<<16|uint64(n))
}

// permitsOut returns how many permits the living held at one instant, at least.
// A seat that is the same before and after held as much in between.
func (l *ledger) permitsOut() (sum uint64) {
	var before [maxSeats]seat
	for i := range before {
		before[i] = l.seats[i].permits()
	}
	for i, s := range before {
		if s.muted%2 == 0 && s.closed%2 == 0 && l.seats[i].permits() == s {
			sum += s.held & 0xffff
		}
	}
	return sum
}

// permits returns what a seat says about its permits. What counts is read last.
func (s *seat) permits() seat {
	muted, closed := get(&s.muted), get(&s.closed)
	return seat{muted: muted, closed: closed, held: get(&s.held)}
}

// mute says that what the seats hold counts no longer.
func mute(seats []seat) {
	for i := range seats {
		set(&seats[i].muted, get(&seats[i].muted)|1)
	}
}

func (a *actor) useValues() {
	a.begin(storing)
	whole := func(what string, w wide) {
		if !w.whole() {
			a.t.Fatalf("%s: a value is torn: %x", what, w)
		}
	}
	switch a.rnd.IntN(5) {
	case 0:
		a.stored.Store(newWide(a.rnd.Uint64()))
	case 1:
		whole("Swap", a.stored.Swap(newWide(a.rnd.Uint64())))
	case 2:
		w := a.stored.Load()
		whole("Load", w)
		a.stored.CompareAndSwap(w, newWide(a.rnd.Uint64()))
	case 3:
		whole("Load", a.updated.Load())
	case 4:
		set(&a.page.updated.begun, a.page.updated.done+1)
		a.updated.Update(func(w wide) wide {
			whole("Update", w)
			return newWide(w[0] + 1)
		})
		set(&a.page.updated.done, a.page.updated.begun)
	}
	a.end()
}

func (a *actor) add() {
	i := a.rnd.IntN(counters)
	sum := &a.page.added[i]
	a.begin(adding)
	set(&sum.begun, sum.done+1)
	shm.AddAt(a.added, i, 1)
	set(&sum.done, sum.begun)
	a.end()
}

// useRows reads an entry, counts it up, or waits for a moment until somebody else has.
func (a *actor) useRows() {
	i := a.rnd.IntN(counters)
	whole := func(what string, w wide, version uint64) {
		if !w.whole() || w[0] != version {
			a.t.Fatalf("%s: an entry is torn, or not that of its version %d: %x", what, version, w)
		}
	}
	a.begin(storing)
	switch a.rnd.IntN(4) {
	case 0:
		w, version := a.rows.LoadVersion(i)
		whole("LoadVersion", w, version)
	case 1:
		_, version := a.rows.LoadVersion(i)
		ctx, cancel := a.aMoment()
		w, now, err := a.rows.Wait(ctx, i, version)
		cancel()
		if !errors.Is(err, context.DeadlineExceeded) {
			a.check(storing, err)
			whole("Wait", w, now)
		}
	default:
		sum := &a.page.rows[i]
		set(&sum.begun, sum.done+1)
		a.rows.Update(i, func(w wide) wide {
			whole("Update", w, w[0])
			a.dawdle()
			return newWide(w[0] + 1)
		})
		set(&sum.done, sum.begun)
	}
	a.end()
}
