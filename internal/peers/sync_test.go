package peers

import (
	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/shm"
)

// pairs are the objects that two workers use in step: the barrier keeps the step.
type pairs struct {
	barrier   *shm.Barrier
	rw        *shm.RWLock
	recursive *shm.RecursiveLock
	event     *shm.Event
	group     *shm.WaitGroup
	once      *shm.Once
	sum       *shm.Value[uint64]
}

func newPairs(c *proctest.Child, s *shm.Segment) pairs {
	return pairs{
		barrier:   must(shm.NewBarrier(s, "barrier", 2))(c),
		rw:        must(shm.NewRWLock(s, "rw"))(c),
		recursive: must(shm.NewRecursiveLock(s, "recursive"))(c),
		event:     must(shm.NewEvent(s, "event"))(c),
		group:     must(shm.NewWaitGroup(s, "group"))(c),
		once:      must(shm.NewOnce(s, "once"))(c),
		sum:       must(shm.NewValue[uint64](s, "sum"))(c),
	}
}

// use has both add to a sum, in phases. The leader of a phase has the other wait for it.
func (p pairs) use(c *proctest.Child, n uint64) {
	c.Check(p.once.Do(background, func() error { p.sum.Store(0); return nil }))
	for i := range n {
		leader := must(p.barrier.Wait(background))(c)
		if leader {
			p.event.Clear()
			p.group.Add(1)
		}
		must(p.barrier.Wait(background))(c)
		p.rw.Lock()
		p.recursive.Lock(1)
		p.recursive.Lock(1)
		p.sum.Store(p.sum.Load() + 1)
		p.recursive.Unlock(1)
		p.recursive.Unlock(1)
		p.rw.Unlock()
		if leader {
			p.event.Set()
			p.group.Done()
		} else {
			c.Check(p.event.Wait(background))
			p.group.Wait()
		}
		must(p.barrier.Wait(background))(c)
		p.rw.RLock()
		if got := p.sum.Load(); got != 2*(i+1) {
			c.Fatalf("the sum is %d after phase %d", got, i)
		}
		p.rw.RUnlock()
	}
}
