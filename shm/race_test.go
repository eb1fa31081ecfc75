package shm_test

import (
	"context"
	"strings"
	"sync"
	"testing"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/internal/proctest/shared"
	"github.com/isthmus-go/isthmus/internal/race"
	"github.com/isthmus-go/isthmus/shm"
)

// races are pairs of goroutines that use a variable on the heap. In a build with
// -race the detector reports those that nothing keeps apart.
var races = map[string]func(c *proctest.Child, seg *shm.Segment, heap *int) (a, b func()){
	"one lock": func(c *proctest.Child, seg *shm.Segment, heap *int) (a, b func()) {
		mu := newLock(c, seg, "mu")
		f := func() { mu.Lock(); *heap++; mu.Unlock() }
		return f, f
	},
	"TryLock": func(c *proctest.Child, seg *shm.Segment, heap *int) (a, b func()) {
		mu := newLock(c, seg, "mu")
		return func() { mu.Lock(); *heap++; mu.Unlock() },
			func() {
				for !mu.TryLock() {
				}
				*heap++
				mu.Unlock()
			}
	},
	"LockContext": func(c *proctest.Child, seg *shm.Segment, heap *int) (a, b func()) {
		mu := newLock(c, seg, "mu")
		f := func() {
			c.Check(mu.LockContext(context.Background()))
			*heap++
			mu.Unlock()
		}
		return f, f
	},
	"RWLock's writers": func(c *proctest.Child, seg *shm.Segment, heap *int) (a, b func()) {
		l := newRWLock(c, seg, "rw")
		return func() { l.Lock(); *heap++; l.Unlock() },
			func() {
				for !l.TryLock() {
				}
				*heap++
				l.Unlock()
				c.Check(l.LockContext(context.Background()))
				*heap++
				l.Unlock()
			}
	},
	"RWLock's readers and writer": func(c *proctest.Child, seg *shm.Segment, heap *int) (a, b func()) {
		l := newRWLock(c, seg, "rw")
		return func() { l.Lock(); *heap++; l.Unlock() },
			func() {
				l.RLock()
				_ = *heap
				l.RUnlock()
				for !l.TryRLock() {
				}
				_ = *heap
				l.RUnlock()
				c.Check(l.RLockContext(context.Background()))
				_ = *heap
				l.RUnlock()
			}
	},
	"Store and Load": func(c *proctest.Child, seg *shm.Segment, heap *int) (a, b func()) {
		v := shared.Value[bool](c, seg, "v")
		return publish(heap, func() { v.Store(true) }, v.Load)
	},
	"Update and CompareAndSwap": func(c *proctest.Child, seg *shm.Segment, heap *int) (a, b func()) {
		v := shared.Value[int](c, seg, "v")
		return publish(heap,
			func() { v.Update(func(x int) int { return x + 1 }) },
			func() bool { return v.CompareAndSwap(1, 2) })
	},
	"Add and Swap": func(c *proctest.Child, seg *shm.Segment, heap *int) (a, b func()) {
		v := shared.Value[int](c, seg, "v")
		return publish(heap, func() { shm.Add(v, 1) }, func() bool { return v.Swap(0) == 1 })
	},
	"large Store and Load": func(c *proctest.Child, seg *shm.Segment, heap *int) (a, b func()) {
		v := shared.Value[block](c, seg, "v")
		return publish(heap,
			func() { v.Store(blockOf(1)) },
			func() bool { return v.Load() == blockOf(1) })
	},
	"large Update and CompareAndSwap": func(c *proctest.Child, seg *shm.Segment, heap *int) (a, b func()) {
		v := shared.Value[block](c, seg, "v")
		return publish(heap,
			func() { v.Update(func(block) block { return blockOf(1) }) },
			func() bool { return v.CompareAndSwap(blockOf(1), blockOf(2)) })
	},
	"Array's Store and Load": func(c *proctest.Child, seg *shm.Segment, heap *int) (a, b func()) {
		x := newArray[uint8](c, seg, "a", 3)
		return publish(heap, func() { x.Store(1, 1) }, func() bool { return x.Load(1) == 1 })
	},
	"AddAt and SwapAt": func(c *proctest.Child, seg *shm.Segment, heap *int) (a, b func()) {
		x := newArray[int64](c, seg, "a", 3)
		return publish(heap, func() { shm.AddAt(x, 1, 1) }, func() bool { return shm.SwapAt(x, 1, 0) == 1 })
	},
	"CompareAndSwapAt": func(c *proctest.Child, seg *shm.Segment, heap *int) (a, b func()) {
		x := newArray[int16](c, seg, "a", 3)
		return publish(heap,
			func() { shm.CompareAndSwapAt(x, 1, 0, 1) },
			func() bool { return shm.CompareAndSwapAt(x, 1, 1, 2) })
	},
	"Table's Store and Load": func(c *proctest.Child, seg *shm.Segment, heap *int) (a, b func()) {
		x := newTable[row](c, seg, "t", rows)
		return publish(heap, func() { x.Store(1, rowOf(1)) }, func() bool { return x.Load(1) == rowOf(1) })
	},
	"Table's Update and Swap": func(c *proctest.Child, seg *shm.Segment, heap *int) (a, b func()) {
		x := newTable[int](c, seg, "t", rows)
		return publish(heap,
			func() { x.Update(1, func(int) int { return 1 }) },
			func() bool { return x.Swap(1, 0) == 1 })
	},
	"Table's Store and Wait": func(c *proctest.Child, seg *shm.Segment, heap *int) (a, b func()) {
		x := newTable[int](c, seg, "t", rows)
		return publish(heap, func() { x.Store(1, 1) }, func() bool {
			_, _, err := x.Wait(context.Background(), 1, 0)
			return err == nil
		})
	},
	"Store and Wait": func(c *proctest.Child, seg *shm.Segment, heap *int) (a, b func()) {
		v := shared.Value[int](c, seg, "v")
		return publish(heap, func() { v.Store(1) }, func() bool {
			_, _, err := v.Wait(context.Background(), 0)
			return err == nil
		})
	},

	"race: nothing": func(c *proctest.Child, seg *shm.Segment, heap *int) (a, b func()) {
		return func() { *heap++ }, func() { *heap++ }
	},
	"race: two locks": func(c *proctest.Child, seg *shm.Segment, heap *int) (a, b func()) {
		mu, other := newLock(c, seg, "mu"), newLock(c, seg, "other")
		return func() { mu.Lock(); *heap++; mu.Unlock() },
			func() { other.Lock(); *heap++; other.Unlock() }
	},
	"race: after Unlock": func(c *proctest.Child, seg *shm.Segment, heap *int) (a, b func()) {
		mu := newLock(c, seg, "mu")
		f := func() { pass(mu); *heap++ }
		return f, f
	},
	"race: two readers of an RWLock": func(c *proctest.Child, seg *shm.Segment, heap *int) (a, b func()) {
		l := newRWLock(c, seg, "rw")
		f := func() { l.RLock(); *heap++; l.RUnlock() }
		return f, f
	},
	"race: after RUnlock": func(c *proctest.Child, seg *shm.Segment, heap *int) (a, b func()) {
		l := newRWLock(c, seg, "rw")
		f := func() { pass(l); pass(l.RLocker()); *heap++ } // whichever of the two comes first
		return f, f
	},
	"race: after Store": func(c *proctest.Child, seg *shm.Segment, heap *int) (a, b func()) {
		v := shared.Value[int](c, seg, "v")
		return late(heap, func() { v.Store(1) }, func() bool { return v.Load() == 1 })
	},
	"race: after large Store": func(c *proctest.Child, seg *shm.Segment, heap *int) (a, b func()) {
		v := shared.Value[block](c, seg, "v")
		return late(heap, func() { v.Store(blockOf(1)) }, func() bool { return v.Load() == blockOf(1) })
	},
	"race: after Table's Store": func(c *proctest.Child, seg *shm.Segment, heap *int) (a, b func()) {
		x := newTable[row](c, seg, "t", rows)
		return late(heap, func() { x.Store(1, rowOf(1)) }, func() bool { return x.Load(1) == rowOf(1) })
	},
	"race: after Array's Store": func(c *proctest.Child, seg *shm.Segment, heap *int) (a, b func()) {
		x := newArray[uint8](c, seg, "a", 3)
		return late(heap, func() { x.Store(1, 1) }, func() bool { return x.Load(1) == 1 })
	},
}

// publish returns a goroutine that writes the variable before store, and one that
// reads it once load has seen the effect.
func publish(heap *int, store func(), load func() bool) (a, b func()) {
	return func() { *heap++; store() }, func() {
		for !load() {
		}
		*heap++
	}
}

// late is publish, but the first goroutine writes the variable when it is too late.
func late(heap *int, store func(), load func() bool) (a, b func()) {
	_, b = publish(heap, store, load)
	return func() { store(); *heap++ }, b
}

var _ = proctest.Register("racers", func(c *proctest.Child) {
	seg := shared.Open(c)
	a, b := races[c.Arg(0)](c, seg, new(int))
	var wg sync.WaitGroup
	wg.Go(a)
	wg.Go(b)
	wg.Wait()
	c.Check(seg.Close())
})

// TestRaceDetector has the race detector know what orders goroutines of one
// process, and nothing else.
func TestRaceDetector(t *testing.T) {
	if !race.Enabled {
		proctest.MaySkip("racers")
		t.Skip("needs -race")
	}
	for name := range races {
		t.Run(name, func(t *testing.T) {
			proctest.WantRace(t, strings.HasPrefix(name, "race: "), func(t *testing.T) *proctest.Proc {
				return shared.Named(t).Start(t, "racers", name)
			})
		})
	}
}
