package semaphore_test

import (
	"context"
	"math/rand/v2"
	"strconv"
	"testing"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/internal/proctest/shared"
	"github.com/isthmus-go/isthmus/shm"
)

const (
	takers  = 4 // processes
	permits = 5
)

// books say who has taken how many permits. An entry is behind what its process
// holds, never ahead.
type books struct {
	out   *shm.Value[uint64] // a byte for each process, together one atomic word
	lives *shm.Array[uint32] // odd while the process's entry does not count
	taken *shm.Value[int64]
}

// most returns how many permits the living have taken at one instant, at least.
func (b books) most() (sum uint64) {
	var before [takers]uint32
	for i := range before {
		before[i] = b.lives.Load(i)
	}
	out := b.out.Load()
	for i, life := range before {
		if life%2 == 0 && b.lives.Load(i) == life {
			sum += out >> (8 * i) & 0xff
		}
	}
	return sum
}

var _ = proctest.Register("taker", func(c *proctest.Child) {
	seg := shared.Open(c)
	me, err := strconv.Atoi(c.Arg(0))
	c.Check(err)
	sem := newSemaphore(c, seg, permits, nil)
	lives, err := shm.NewArray[uint32](seg, "lives", takers)
	c.Check(err)
	b := books{shared.Value[uint64](c, seg, "out"), lives, shared.Value[int64](c, seg, "taken")}
	stop := shared.Value[bool](c, seg, "stop")
	done := make(chan bool)
	for range 2 {
		go func() {
			for !stop.Load() {
				n := 1 + rand.Int64N(3)
				c.Check(sem.Acquire(context.Background(), n))
				shm.Add(b.out, uint64(n)<<(8*me))
				if sum := b.most(); sum > permits {
					c.Fatalf("%d of %d permits are out", sum, permits)
				}
				shm.Add(b.taken, 1)
				shm.Add(b.out, -(uint64(n) << (8 * me)))
				sem.Release(n)
			}
			done <- true
		}()
	}
	<-done
	<-done
	c.Check(seg.Close())
})

// TestKilledAnywhere kills processes that take and return permits all the time,
// wherever they are, and starts others in their place.
func TestKilledAnywhere(t *testing.T) {
	proctest.Mortal(t)
	random := proctest.Random(t)

	s := shared.Named(t)
	sem := newSemaphore(t, s.Segment, permits, nil)
	lives, err := shm.NewArray[uint32](s.Segment, "lives", takers)
	if err != nil {
		t.Fatal(err)
	}
	b := books{shared.Value[uint64](t, s.Segment, "out"), lives, shared.Value[int64](t, s.Segment, "taken")}
	var procs [takers]*proctest.Proc
	for i := range procs {
		procs[i] = s.Start(t, "taker", strconv.Itoa(i))
	}
	for range 25 {
		goal := b.taken.Load() + 1 + random.Int64N(300)
		proctest.Until(t, "the others go on", func() bool { return b.taken.Load() >= goal })
		i := random.IntN(takers)
		shm.AddAt(lives, i, 1)
		procs[i].Kill()
		b.out.Update(func(out uint64) uint64 { return out &^ (0xff << (8 * i)) })
		shm.AddAt(lives, i, 1)
		procs[i] = s.Start(t, "taker", strconv.Itoa(i))
	}
	shared.Value[bool](t, s.Segment, "stop").Store(true)
	for _, p := range procs {
		p.Wait()
	}
	whole(t, sem)
	t.Logf("permits were taken %d times", b.taken.Load())
}
