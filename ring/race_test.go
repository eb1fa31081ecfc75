package ring_test

import (
	"sync"
	"testing"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/internal/proctest/shared"
	"github.com/isthmus-go/isthmus/internal/race"
	"github.com/isthmus-go/isthmus/internal/ringtest"
	"github.com/isthmus-go/isthmus/ring"
)

// TestHandOver has goroutines hand heap memory to each other by its number, in
// every way to push and to pop. The race detector must see that it is handed
// over.
func TestHandOver(t *testing.T) {
	const buffers, turns = 8, 2000
	for _, kind := range ringtest.Main {
		for _, mode := range modes {
			t.Run(kind+"/"+mode, func(t *testing.T) {
				s := newSegment(t)
				there := newQueue(t, s, kind, "there", 2*buffers)
				back := newQueue(t, s, kind, "back", 2*buffers)
				var memory [buffers][]int
				p, free := proctest.Must(there.Producer())(t), proctest.Must(back.Consumer())(t)
				c, used := proctest.Must(there.Consumer())(t), proctest.Must(back.Producer())(t)

				var wg sync.WaitGroup
				wg.Go(func() { // writes
					rnd := newRand(1, 1)
					turn := 0
					put := func(i uint64) {
						memory[i] = append(memory[i][:0], turn, turn+1)
						if _, err := pushSome(p, there, mode, rnd, i, i+1); err != nil {
							t.Error(err)
						}
						turn++
					}
					for i := range uint64(buffers) {
						put(i)
					}
					for turn < turns {
						if err := popSome(free, back, mode, rnd, put); err != nil {
							t.Error(err)
							return
						}
					}
					p.Close()
				})
				var sum int
				wg.Go(func() { // reads
					rnd := newRand(1, 2)
					for {
						if err := popSome(c, there, mode, rnd, func(i uint64) {
							sum += memory[i][1] - memory[i][0]
							if _, err := pushSome(used, back, mode, rnd, i, i+1); err != nil {
								t.Error(err)
							}
						}); err != nil {
							if err != ring.ErrClosed {
								t.Error(err)
							}
							return
						}
					}
				})
				wg.Wait()
				if sum < turns {
					t.Errorf("%d turns, want %d", sum, turns)
				}
			})
		}
	}
}

// racers are two goroutines that use a variable on the heap: one before it pushes
// a message, or, if it is late, after; the other after it has popped it.
var _ = proctest.Register("racers", func(c *proctest.Child) {
	s := shared.Open(c)
	kind, mode, late := c.Arg(0), c.Arg(1), c.Arg(2) == "late"
	q, p, co := ends(c, s, kind, 4)
	var heap int
	var wg sync.WaitGroup
	wg.Go(func() {
		if !late {
			heap++
		}
		proctest.Must(pushSome(p, q, mode, newRand(1, 1), 0, 1))(c)
		if late {
			heap++
		}
	})
	wg.Go(func() {
		c.Check(popSome(co, q, mode, newRand(1, 2), func(uint64) {}))
		heap++
	})
	wg.Wait()
	c.Check(s.Close())
})

// TestRaceDetector has the race detector know what a message orders, and nothing
// else.
func TestRaceDetector(t *testing.T) {
	if !race.Enabled {
		proctest.MaySkip("racers")
		t.Skip("needs -race")
	}
	for _, kind := range ringtest.Main {
		for _, mode := range modes {
			for _, when := range []string{"in time", "late"} {
				t.Run(kind+"/"+mode+"/"+when, func(t *testing.T) {
					proctest.WantRace(t, when == "late", func(t *testing.T) *proctest.Proc {
						newSegment(t)
						return proctest.Start(t, "racers", kind, mode, when)
					})
				})
			}
		}
	}
}
