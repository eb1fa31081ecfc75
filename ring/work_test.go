package ring_test

import (
	"fmt"
	"testing"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/ring"
	"github.com/isthmus-go/isthmus/shm"
)

type workQueue = ring.WorkQueue[uint64]
type workTask = ring.Task[uint64]

func newWork(t proctest.Fataler, s *shm.Segment, name string, capacity int, opts ...ring.WorkQueueOption) *workQueue {
	t.Helper()
	return proctest.Must(ring.NewWorkQueue[uint64](s, name, capacity, opts...))(t)
}

func put(t proctest.Fataler, q *workQueue, ns ...uint64) {
	t.Helper()
	for _, n := range ns {
		if err := q.TryPut(n); err != nil {
			t.Fatalf("TryPut of %d: %v", n, err)
		}
	}
}

// expectTask gets the next task, which has to be message n.
func expectTask(t proctest.Fataler, q *workQueue, n uint64, deliveries int) workTask {
	t.Helper()
	return wantTask(t, proctest.Must(q.TryGet())(t), n, deliveries)
}

func wantTask(t proctest.Fataler, got workTask, n uint64, deliveries int) workTask {
	t.Helper()
	if *got.Value() != n || got.Deliveries() != deliveries {
		t.Fatalf("got message %d, delivery %d; want %d, delivery %d", *got.Value(), got.Deliveries(), n, deliveries)
	}
	return got
}

func expectNoTask(t proctest.Fataler, q *workQueue) {
	t.Helper()
	if task, err := q.TryGet(); err != ring.ErrEmpty {
		t.Fatalf("TryGet: %v, %v; want ErrEmpty", task, err)
	}
}

func expectCounts(t proctest.Fataler, q *workQueue, queued, held int) {
	t.Helper()
	if q.Len() != queued || q.InFlight() != held {
		t.Fatalf("Len is %d, InFlight %d; want %d, %d", q.Len(), q.InFlight(), queued, held)
	}
}

// roomOf checks that an empty queue takes as many messages as it has room for.
func roomOf(t proctest.Fataler, q *workQueue, room int) {
	t.Helper()
	for n := range uint64(room) {
		put(t, q, n)
	}
	checkIs(t, "TryPut to a full queue", q.TryPut(0), ring.ErrFull)
	for n := range uint64(room) {
		proctest.Check(t, expectTask(t, q, n, 1).Ack())
	}
	expectNoTask(t, q)
}

// TestWorkHeld lets messages be held while others go round, with any number of them held.
func TestWorkHeld(t *testing.T) {
	s := newSegment(t)
	for _, capacity := range []int{1, 2, 4, 8, 64} {
		for holds := range min(capacity, 5) {
			t.Run(fmt.Sprint("capacity ", capacity, ", held ", holds), func(t *testing.T) {
				q := newWork(t, s, t.Name(), capacity)
				var tasks []workTask
				for n := range uint64(holds) {
					put(t, q, n)
					tasks = append(tasks, expectTask(t, q, n, 1))
				}
				next := uint64(1000)
				for range 10 {
					room := capacity - len(tasks)
					for range 7 {
						first := next
						for range room {
							put(t, q, next)
							next++
						}
						checkIs(t, "TryPut to a full queue", q.TryPut(0), ring.ErrFull)
						expectCounts(t, q, room, len(tasks))
						for n := first; n < next; n++ {
							proctest.Check(t, expectTask(t, q, n, 1).Ack())
						}
						expectNoTask(t, q)
						expectCounts(t, q, 0, len(tasks))
					}
					if len(tasks) > 0 {
						i := int(next) % len(tasks)
						proctest.Check(t, tasks[i].Ack())
						checkIs(t, "Ack again", tasks[i].Ack(), ring.ErrNotReserved)
						checkIs(t, "Nack after Ack", tasks[i].Nack(), ring.ErrNotReserved)
						tasks = append(tasks[:i], tasks[i+1:]...)
					}
				}
				proctest.Check(t, q.Join(background))
				roomOf(t, q, capacity)
			})
		}
	}
}

// TestWorkAllHeld holds all that there is room for, and gives it up in any order.
func TestWorkAllHeld(t *testing.T) {
	s := newSegment(t)
	rnd := newRand(newSeed(t), 0)
	for round := range 6 {
		q := newWork(t, s, "all held", 8)
		tasks := map[uint64]workTask{}
		for n := range uint64(8) {
			put(t, q, n)
			tasks[n] = expectTask(t, q, n, 1)
		}
		for n := uint64(8); n < 100; n++ {
			for range 200 {
				checkIs(t, "TryPut with all held", q.TryPut(n), ring.ErrFull)
			}
			expectNoTask(t, q)
			var some []uint64
			for i := range tasks {
				some = append(some, i)
			}
			i := some[rnd.IntN(len(some))]
			proctest.Check(t, tasks[i].Ack())
			delete(tasks, i)
			put(t, q, n)
			if round%2 == 0 {
				checkIs(t, "TryPut", q.TryPut(n), ring.ErrFull)
			}
			tasks[n] = expectTask(t, q, n, 1)
		}
		for _, task := range tasks {
			proctest.Check(t, task.Ack())
		}
		roomOf(t, q, 8)
	}
}

// TestWorkNack gives messages back, which come again at once, with what was written there.
func TestWorkNack(t *testing.T) {
	q := newWork(t, newSegment(t), "nack", 4)
	put(t, q, 1, 2, 3)
	a := expectTask(t, q, 1, 1)
	*a.Value() = 11
	proctest.Check(t, a.Nack())
	checkIs(t, "Nack again", a.Nack(), ring.ErrNotReserved)
	checkIs(t, "Ack after Nack", a.Ack(), ring.ErrNotReserved)
	expectCounts(t, q, 3, 0)
	again := expectTask(t, q, 11, 2)
	checkIs(t, "Ack of the first delivery", a.Ack(), ring.ErrNotReserved)
	b, c := expectTask(t, q, 2, 1), expectTask(t, q, 3, 1)
	expectNoTask(t, q)
	proctest.Check(t, c.Nack())
	proctest.Check(t, b.Nack())
	proctest.Check(t, again.Nack())
	put(t, q, 4) // passes over nobody's messages
	expectCounts(t, q, 4, 0)
	checkIs(t, "TryPut", q.TryPut(5), ring.ErrFull)
	for range 4 {
		proctest.Check(t, proctest.Must(q.TryGet())(t).Ack())
	}
	expectNoTask(t, q)
	proctest.Check(t, q.Join(background))

	put(t, q, 6)
	for d := 1; d < 1200; d++ {
		proctest.Check(t, expectTask(t, q, 6, min(d, 1023)).Nack())
		if d%100 == 0 {
			for range 3 { // around it
				put(t, q, 7)
				wantOne := proctest.Must(q.TryGet())(t)
				if *wantOne.Value() == 6 {
					d++
					proctest.Check(t, expectTask(t, q, 7, 1).Ack())
					proctest.Check(t, wantOne.Nack())
					continue
				}
				proctest.Check(t, wantOne.Ack())
			}
		}
	}
}

// TestWorkWakes has those who wait be told: consumers of messages that are put or given
// back, producers of room, and those who Join.
func TestWorkWakes(t *testing.T) {
	s := newSegment(t)
	for _, capacity := range []int{1, 2} {
		q := newWork(t, s, fmt.Sprint("wakes ", capacity), capacity)
		get := func() <-chan workTask {
			c := proctest.Go(func() workTask { return proctest.Must(q.Get(background))(t) })
			proctest.Until(t, "a consumer waits", q.PopWaiting)
			return c
		}
		got := get()
		put(t, q, 1)
		task := wantTask(t, proctest.Result(t, got), 1, 1)
		for d := 2; d < 20; d++ {
			got = get()
			proctest.Check(t, task.Nack())
			task = wantTask(t, proctest.Result(t, got), 1, d)
		}
		for n := uint64(2); n <= uint64(capacity); n++ {
			put(t, q, n)
		}
		// A consumer that takes makes no room, but one that acknowledges does.
		for n := uint64(100); n < 120; n++ {
			done := proctest.Go(func() error { return q.Put(background, n) })
			proctest.Until(t, "a producer waits", q.PushWaiting)
			if capacity > 1 {
				next := proctest.Must(q.TryGet())(t)
				proctest.Check(t, task.Ack())
				task = next
			} else {
				proctest.Check(t, task.Ack())
			}
			proctest.Check(t, proctest.Result(t, done))
			if capacity == 1 {
				task = expectTask(t, q, n, 1)
			}
		}
		joined := proctest.Go(func() error { return q.Join(background) })
		proctest.Until(t, "somebody joins", q.JoinWaiting)
		for {
			proctest.Check(t, task.Ack())
			var err error
			if task, err = q.TryGet(); err == ring.ErrEmpty {
				break
			}
		}
		proctest.Check(t, proctest.Result(t, joined))
	}
}

// TestWorkClose closes the queue. Its end comes when all messages are acknowledged.
func TestWorkClose(t *testing.T) {
	s := newSegment(t)
	for _, capacity := range []int{1, 2, 3, 8} {
		q := newWork(t, s, fmt.Sprint("closed ", capacity), capacity)
		for n := range uint64(q.Cap()) {
			put(t, q, n)
		}
		task := expectTask(t, q, 0, 1)
		proctest.Check(t, q.Close())
		checkIs(t, "TryPut", q.TryPut(1), ring.ErrClosed)
		checkIs(t, "Put", q.Put(background, 1), ring.ErrClosed)
		for n := uint64(1); n < uint64(q.Cap()); n++ {
			proctest.Check(t, expectTask(t, q, n, 1).Ack())
		}
		expectNoTask(t, q)
		ends := make([]<-chan error, 3)
		for i := range ends {
			ends[i] = proctest.Go(func() error {
				for task, err := range q.All(background) {
					if err != nil {
						return err
					}
					if err := task.Ack(); err != nil {
						return err
					}
				}
				return nil
			})
		}
		proctest.Until(t, "consumers wait", q.PopWaiting)
		proctest.Check(t, task.Nack())
		for _, end := range ends {
			proctest.Check(t, proctest.Result(t, end))
		}
		_, err := q.TryGet()
		checkIs(t, "TryGet", err, ring.ErrClosed)
		_, err = q.Get(background)
		checkIs(t, "Get", err, ring.ErrClosed)
		proctest.Check(t, q.Join(background))
	}
}

// TestWorkCloseHeld closes a queue of which a message is held: those who wait for it are
// told of the end by the Ack.
func TestWorkCloseHeld(t *testing.T) {
	q := newWork(t, newSegment(t), "closed", 8)
	put(t, q, 1)
	task := expectTask(t, q, 1, 1)
	proctest.Check(t, q.Close())
	expectNoTask(t, q)
	ended := proctest.Go(func() error { _, err := q.Get(background); return err })
	proctest.Until(t, "a consumer waits", q.PopWaiting)
	expectNoTask(t, q)
	proctest.Check(t, task.Ack())
	checkIs(t, "Get", proctest.Result(t, ended), ring.ErrClosed)
}
