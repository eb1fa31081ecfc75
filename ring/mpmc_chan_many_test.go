package ring_test

import (
	"fmt"
	"runtime"
	"testing"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/ring"
	"github.com/isthmus-go/isthmus/shm"
)

const (
	manyPairs    = 4 // producers, and consumers
	manyMessages = 1000
)

var manyCapacities = []int{1, 2, 16}

// manyOf makes or opens the ring, and how often each message has come of it.
func manyOf(c *proctest.Child, s *shm.Segment, capacity int) (*ring.MPMC[uint64], *shm.Array[uint8]) {
	name := fmt.Sprint("capacity ", capacity)
	return numbers(c, s, name, capacity), proctest.Must(shm.NewArray[uint8](s, "seen, "+name, manyMessages))(c)
}

// manyProducer pushes each message once.
func manyProducer(c *proctest.Child, s *shm.Segment) {
	for _, capacity := range manyCapacities {
		q, _ := manyOf(c, s, capacity)
		for n := range uint64(manyMessages) {
			c.Check(q.Push(background, n))
		}
	}
}

// manyConsumer pops as many as a producer pushes. The one that is done last looks
// whether each message has come as often as it was pushed.
func manyConsumer(c *proctest.Child, s *shm.Segment) {
	for _, capacity := range manyCapacities {
		q, seen := manyOf(c, s, capacity)
		for range manyMessages {
			n := proctest.Must(q.Pop(background))(c)
			if n >= manyMessages {
				c.Fatalf("capacity %d: popped %d, which was never pushed", capacity, n)
			}
			shm.AddAt(seen, int(n), 1)
		}
		if shm.Add(counter(c, s, fmt.Sprint("done, ", capacity)), 1) < manyPairs {
			continue
		}
		for n := range manyMessages {
			if k := seen.Load(n); k != manyPairs {
				c.Fatalf("capacity %d: message %d has come %d times, want %d", capacity, n, k, manyPairs)
			}
		}
		if n := q.Len(); n != 0 {
			c.Fatalf("capacity %d: in the end Len is %d", capacity, n)
		}
	}
}

var _ = proctest.Register("chan many", parties(
	manyProducer, manyProducer, manyProducer, manyProducer,
	manyConsumer, manyConsumer, manyConsumer, manyConsumer,
))

// TestChanMany has as much popped as is pushed, with no end to tell the consumers.
func TestChanMany(t *testing.T) { eachWay(t, "chan many", 2*manyPairs) }

const workers = 23

func workPieces() int { return scaled(20_000) }

var primes = []uint64{2, 3, 7, 11, 13, 17, 19, 23, 27, 31}

// workRings makes or opens the ring that work is pushed to, and the one that the
// workers pass it on to.
func workRings(c *proctest.Child, s *shm.Segment) (todo, results *ring.MPMC[uint64]) {
	return numbers(c, s, "to do", 3*workers), numbers(c, s, "results", 3*workers)
}

func feeder(c *proctest.Child, s *shm.Segment) {
	todo, _ := workRings(c, s)
	for i := range workPieces() {
		c.Check(todo.Push(background, primes[i%len(primes)]))
	}
	c.Check(todo.Close())
}

// worker returns the i-th worker, which is slow with one kind of work. The last to
// end closes the results.
func worker(i int) party {
	return func(c *proctest.Child, s *shm.Segment) {
		todo, results := workRings(c, s)
		for {
			v, err := todo.Pop(background)
			if err == ring.ErrClosed {
				break
			}
			c.Check(err)
			if v == primes[i%len(primes)] {
				runtime.Gosched()
			}
			c.Check(results.Push(background, v))
		}
		if shm.Add(counter(c, s, "at home"), 1) == workers {
			c.Check(results.Close())
		}
	}
}

func accountant(c *proctest.Child, s *shm.Segment) {
	_, results := workRings(c, s)
	var n, sum, want uint64
	for v, err := range results.All(background) {
		c.Check(err)
		n++
		sum += v
	}
	for i := range workPieces() {
		want += primes[i%len(primes)]
	}
	if n != uint64(workPieces()) || sum != want {
		c.Fatalf("got %d results of sum %d, want %d of %d", n, sum, workPieces(), want)
	}
}

var _ = proctest.Register("chan workers", func() func(*proctest.Child) {
	all := []party{feeder, accountant}
	for i := range workers {
		all = append(all, worker(i))
	}
	return parties(all...)
}())

// TestMultiConsumer passes work on through many hands; nothing gets lost when the
// rings are closed.
func TestMultiConsumer(t *testing.T) { eachWay(t, "chan workers", 2+workers) }
