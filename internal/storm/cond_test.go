package storm

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/shm"
)

// Waiters take what is in stock, and look at the generation. Who adds to the stock signals
// before that, with the lock: if it dies, the signal has been given or there is nothing more
// in stock. The test's own process signals after that, with the lock or without it.
type store struct {
	c                       *shm.Cond
	stock, generation, over *shm.Value[uint64] // protected by the lock
}

func openStore(t proctest.Fataler, seg *shm.Segment) store {
	lock := proctest.Must(shm.NewLock(seg, "lock"))(t)
	value := func(name string) *shm.Value[uint64] { return proctest.Must(shm.NewValue[uint64](seg, name))(t) }
	return store{proctest.Must(shm.NewCond(seg, "cond", lock))(t), value("stock"), value("generation"), value("over")}
}

func (s store) lock(t proctest.Fataler) {
	ctx, cancel := context.WithTimeout(background, proctest.Timeout())
	defer cancel()
	s.locked(t, s.c.L.LockContext(ctx))
}

// await waits, maybe until ctx ends.
func (s store) await(t proctest.Fataler, ctx context.Context) {
	if err := s.c.WaitContext(ctx); !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, shm.ErrOwnerDied) {
		s.locked(t, err)
	}
}

func (s store) locked(t proctest.Fataler, err error) {
	if errors.Is(err, shm.ErrOwnerDied) {
		s.c.L.MarkConsistent() // each value is what it is
		return
	}
	proctest.Check(t, err)
}

// A condLog says which generation each waiter has seen.
type condLog struct {
	calm uint64 // 1: nobody but the test adds to the stock
	seen [maxHands][waiters]uint64
}

const waiters = 2 // of each hand

var _ = crewOf("storekeeper", give, func(m *mate[condLog]) { take(m, 0) }, func(m *mate[condLog]) { take(m, 1) })

func give(m *mate[condLog]) {
	s := openStore(m, m.seg)
	for {
		m.dawdle()
		s.lock(m)
		if s.over.Load() == 1 {
			s.c.L.Unlock()
			return
		}
		if get(&m.log.calm) == 0 && s.stock.Load() < 4 {
			if m.rnd.IntN(4) == 0 {
				s.c.Broadcast()
			} else {
				s.c.Signal()
			}
			m.dawdle()
			s.stock.Store(s.stock.Load() + 1)
		}
		s.c.L.Unlock()
	}
}

func take(m *mate[condLog], i int) {
	s := openStore(m, m.seg)
	seen := &m.log.seen[m.hand][i]
	s.lock(m)
	for s.over.Load() == 0 {
		if n := s.stock.Load(); n > 0 {
			s.stock.Store(n - 1)
			s.c.L.Unlock()
			m.dawdle()
			s.lock(m)
		} else if g := s.generation.Load(); g != *seen {
			set(seen, g)
		} else if m.rnd.IntN(8) > 0 {
			s.await(m, background)
		} else {
			ctx, cancel := context.WithTimeout(background, time.Duration(m.rnd.IntN(1000))*time.Microsecond)
			s.await(m, ctx)
			cancel()
		}
	}
	s.c.L.Unlock()
}

// TestCondStorm kills those who wait, and those who wake them. A Signal of the living wakes
// somebody, as long as anybody waits who lives; and a Broadcast wakes everybody.
func TestCondStorm(t *testing.T) {
	s := newSquall[condLog](t)
	store := openStore(t, s.seg)
	store.generation.Store(1)
	allHaveSeenIt := func() {
		g := store.generation.Load()
		s.until("all have seen the generation", func() bool {
			return !slices.ContainsFunc(s.hands, func(h *hand) bool {
				seen := &s.log.seen[h.number]
				return get(&seen[0]) != g || get(&seen[1]) != g
			})
		})
	}
	given := 0
	for s.goesOn() {
		s.man(2+s.rnd.IntN(3), "storekeeper")
		allHaveSeenIt() // who comes later would take what is in stock without a signal
		s.nap(3 * time.Millisecond)
		if s.rnd.IntN(2) == 0 {
			s.kill("storekeeper", false)
		}

		store.lock(t)
		set(&s.log.calm, 1)
		store.c.L.Unlock()
		for range 1 + s.rnd.IntN(2) {
			given++
			store.lock(t)
			store.stock.Store(store.stock.Load() + 1)
			if s.rnd.IntN(4) == 0 {
				store.c.L.Unlock()
				store.c.Signal()
				continue
			}
			store.c.Signal() // who gets it cannot go on, and may be killed
			for range 1 + s.rnd.IntN(2) {
				s.kill("storekeeper", false)
			}
			store.c.L.Unlock()
		}
		s.until("all is taken", func() bool { return store.stock.Load() == 0 })

		store.lock(t)
		store.generation.Store(store.generation.Load() + 1)
		store.c.L.Unlock()
		store.c.Broadcast()
		if s.rnd.IntN(2) == 0 {
			s.kill("storekeeper", false)
		}
		allHaveSeenIt()
		set(&s.log.calm, 0)
	}
	store.lock(t)
	store.over.Store(1)
	store.c.Broadcast()
	store.c.L.Unlock()
	s.over()
	t.Logf("%d signals, %d broadcasts", given, store.generation.Load())
}
