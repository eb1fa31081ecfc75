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

// A ring is used as a channel is. So the files chan_*_test.go ask of it what
// Go's runtime/chan_test.go asks of a channel, in one process and in two.

// A party is what one goroutine of such a test does.
type party func(c *proctest.Child, s *shm.Segment)

// parties makes a helper that plays those whose numbers are its arguments. They
// share a Segment, as goroutines do.
func parties(ps ...party) func(c *proctest.Child) {
	return func(c *proctest.Child) {
		s := shared.Open(c)
		var wg sync.WaitGroup
		for _, arg := range c.Args() {
			play := ps[proctest.Must(strconv.Atoi(arg))(c)]
			wg.Go(func() { play(c, s) })
		}
		wg.Wait()
		c.Check(s.Close())
	}
}

// eachWay runs a helper with n parties, in one process and in two. Whoever fails
// ends its process; it is the test's process that sees it.
func eachWay(t *testing.T, helper string, n int) {
	var all, even, odd []string
	for i := range n {
		number := fmt.Sprint(i)
		all = append(all, number)
		if i%2 == 0 {
			even = append(even, number)
		} else {
			odd = append(odd, number)
		}
	}
	for _, procs := range []int{1, 2} {
		opts := &proctest.Options{Env: []string{fmt.Sprint("GOMAXPROCS=", procs)}}
		t.Run(fmt.Sprintf("GOMAXPROCS=%d/together", procs), func(t *testing.T) {
			newSegment(t)
			proctest.StartWith(t, opts, helper, all...).Wait()
		})
		t.Run(fmt.Sprintf("GOMAXPROCS=%d/apart", procs), func(t *testing.T) {
			newSegment(t)
			one := proctest.StartWith(t, opts, helper, even...)
			other := proctest.StartWith(t, opts, helper, odd...)
			one.Wait()
			other.Wait()
		})
	}
}

// numbers makes, or opens, a ring of numbers.
func numbers(c *proctest.Child, s *shm.Segment, name string, capacity int) *ring.MPMC[uint64] {
	return proctest.Must(ring.NewMPMC[uint64](s, name, capacity))(c)
}

// counter makes, or opens, a number that counts for all parties.
func counter(c proctest.Fataler, s *shm.Segment, name string) *shm.Value[uint64] {
	return shared.Value[uint64](c, s, name)
}
