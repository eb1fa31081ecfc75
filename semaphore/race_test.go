package semaphore_test

import (
	"context"
	"strings"
	"sync"
	"testing"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/internal/proctest/shared"
	"github.com/isthmus-go/isthmus/internal/race"
	"github.com/isthmus-go/isthmus/semaphore"
)

// races are pairs of goroutines that use a variable on the heap. In a build with
// -race the detector reports those that nothing keeps apart.
var races = map[string]func(c *proctest.Child, sem *semaphore.Semaphore, heap *int) (a, b func()){
	"one permit": func(c *proctest.Child, sem *semaphore.Semaphore, heap *int) (a, b func()) {
		f := func() {
			c.Check(sem.Acquire(context.Background(), 2))
			*heap++
			sem.Release(2)
		}
		return f, f
	},
	"TryAcquire": func(c *proctest.Child, sem *semaphore.Semaphore, heap *int) (a, b func()) {
		f := func() {
			for !sem.TryAcquire(2) {
			}
			*heap++
			sem.Release(2)
		}
		return f, f
	},
	"signalling": func(c *proctest.Child, _ *semaphore.Semaphore, heap *int) (a, b func()) {
		sem := signal(c)
		return func() { *heap++; sem.Release(1) },
			func() { c.Check(sem.Acquire(context.Background(), 1)); *heap++ }
	},
	"race: after the signal": func(c *proctest.Child, _ *semaphore.Semaphore, heap *int) (a, b func()) {
		sem := signal(c)
		return func() { sem.Release(1); *heap++ },
			func() { c.Check(sem.Acquire(context.Background(), 1)); *heap++ }
	},
	"race: a permit each": func(c *proctest.Child, sem *semaphore.Semaphore, heap *int) (a, b func()) {
		var both sync.WaitGroup // so that neither begins after the other's Release
		both.Add(2)
		f := func() {
			c.Check(sem.Acquire(context.Background(), 1))
			both.Done()
			both.Wait()
			*heap++
			sem.Release(1)
		}
		return f, f
	},
}

// signal makes a signalling semaphore without permits.
func signal(c *proctest.Child) *semaphore.Semaphore {
	seg := shared.Open(c)
	sem, err := semaphore.New(seg, "signal", 0, &semaphore.Options{Signalling: true})
	c.Check(err)
	return sem
}

var _ = proctest.Register("racers", func(c *proctest.Child) {
	seg := shared.Open(c)
	a, b := races[c.Arg(0)](c, newSemaphore(c, seg, 2, nil), new(int))
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
