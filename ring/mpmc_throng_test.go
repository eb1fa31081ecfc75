package ring_test

import (
	"fmt"
	"strconv"
	"sync"
	"testing"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/internal/proctest/shared"
	"github.com/isthmus-go/isthmus/ring"
	"github.com/isthmus-go/isthmus/shm"
)

const (
	throngProcs      = 32
	throngGoroutines = 8
	throngLength     = 50 // messages of one goroutine
)

// A throng is many goroutines that each push a message and pop one, in turns.
// As many are in the ring as are yet to be popped, so nobody waits for ever.
var _ = proctest.Register("throng", func(c *proctest.Child) {
	s := shared.Open(c)
	q := proctest.Must(ring.NewMPMC[uint64](s, "throng", 16))(c)
	popped := proctest.Must(shm.NewValue[uint64](s, "popped"))(c)
	id := proctest.Must(strconv.Atoi(c.Arg(0)))(c)
	c.Send("ready")
	c.Expect("go")
	var wg sync.WaitGroup
	for g := range throngGoroutines {
		wg.Go(func() {
			var sum uint64
			for i := range throngLength {
				c.Check(q.Push(background, uint64((id*throngGoroutines+g)*throngLength+i)))
				sum += proctest.Must(q.Pop(background))(c)
			}
			shm.Add(popped, sum)
		})
	}
	wg.Wait()
	c.Check(s.Close())
})

// TestThrong has 32 processes of 8 goroutines share one ring.
func TestThrong(t *testing.T) {
	s := newSegment(t)
	q := proctest.Must(ring.NewMPMC[uint64](s, "throng", 16))(t)
	popped := proctest.Must(shm.NewValue[uint64](s, "popped"))(t)
	var procs []*proctest.Proc
	for id := range throngProcs {
		procs = append(procs, proctest.Start(t, "throng", fmt.Sprint(id)))
	}
	proctest.Together(procs)
	const n = throngProcs * throngGoroutines * throngLength
	if got, want := popped.Load(), uint64(n*(n-1)/2); got != want {
		t.Errorf("the sum of all that was popped is %d, want %d", got, want)
	}
	if _, err := q.TryPop(); err != ring.ErrEmpty {
		t.Errorf("in the end TryPop returns %v", err)
	}
	if n := q.Len(); n != 0 {
		t.Errorf("in the end Len is %d", n)
	}
}
