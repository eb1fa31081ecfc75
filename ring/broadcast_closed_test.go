package ring_test

import (
	"sync"
	"testing"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/internal/proctest/shared"
	"github.com/isthmus-go/isthmus/internal/race"
	"github.com/isthmus-go/isthmus/ring"
	"github.com/isthmus-go/isthmus/shm"
)

// TestBroadcastSegmentClosed: all operations of a closed Segment say so, those too that
// wait meanwhile.
func TestBroadcastSegmentClosed(t *testing.T) {
	proctest.Mortal(t)
	for sort, opts := range broadcasts {
		t.Run(sort, func(t *testing.T) {
			newSegment(t)
			seg := shared.Open(t)
			b, p := newBroadcast(t, seg, 2, opts...)
			s, idle := subscribe(t, b, ring.FromNow), subscribe(t, b, ring.FromNow)
			waits := proctest.Go(func() error { _, err := s.Pop(background); return err })
			proctest.Until(t, "Pop waits", b.PopWaiting)
			id := idle.ID()
			proctest.Check(t, seg.Close())
			checkIs(t, "a Pop that waited", proctest.Result(t, waits), shm.ErrSegmentClosed)
			dst := make([]uint64, 2)
			for range 5 {
				_, errPop := idle.Pop(background)
				_, errTry := idle.TryPop()
				_, errInto := idle.PopInto(background, dst)
				_, errAll := p.PushAll(background, dst)
				_, errNew := b.Subscribe(ring.FromOldest)
				_, errList := b.Subscribers()
				_, errClaim := b.Producer()
				for what, err := range map[string]error{
					"Pop": errPop, "TryPop": errTry, "PopInto": errInto, "TryPush": p.TryPush(1),
					"Push": p.Push(background, 1), "PushAll": errAll, "Subscribe": errNew,
					"Subscribers": errList, "Producer": errClaim, "Evict": b.Evict(id),
				} {
					checkIs(t, what, err, shm.ErrSegmentClosed)
				}
			}
			checkIs(t, "Detach", idle.Detach(), shm.ErrSegmentClosed)
			checkIs(t, "Close", p.Close(), shm.ErrSegmentClosed)
			if n := b.Len() + s.Len(); n != 0 || b.ProducerAlive() || b.ConsumerAlive() {
				t.Errorf("Len is %d, alive are %v, %v", n, b.ProducerAlive(), b.ConsumerAlive())
			}
		})
	}
}

// castRacers are two goroutines that use a variable on the heap: one before it pushes, or
// after; the other after it has popped.
var _ = proctest.Register("cast racers", func(c *proctest.Child) {
	seg := shared.Open(c)
	b, p := newBroadcast(c, seg, 4, broadcasts[c.Arg(0)]...)
	s := subscribe(c, b, ring.FromNow)
	late := c.Arg(1) == "late"
	var heap int
	var wg sync.WaitGroup
	wg.Go(func() {
		if !late {
			heap++
		}
		c.Check(p.Push(background, 1))
		if late {
			heap++
		}
	})
	wg.Go(func() {
		if c.Arg(2) == "batch" {
			proctest.Must(s.PopInto(background, make([]uint64, 3)))(c)
		} else {
			proctest.Must(s.Pop(background))(c)
		}
		heap++
	})
	wg.Wait()
	c.Check(seg.Close())
})

// TestBroadcastRaces has the race detector know what a message orders, and nothing else.
func TestBroadcastRaces(t *testing.T) {
	if !race.Enabled {
		proctest.MaySkip("cast racers")
		t.Skip("needs -race")
	}
	for sort := range broadcasts {
		for _, when := range []string{"in time", "late"} {
			for _, mode := range []string{"one", "batch"} {
				t.Run(sort+"/"+when+"/"+mode, func(t *testing.T) {
					proctest.WantRace(t, when == "late", func(t *testing.T) *proctest.Proc {
						newSegment(t)
						return proctest.Start(t, "cast racers", sort, when, mode)
					})
				})
			}
		}
	}
}
