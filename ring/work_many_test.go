package ring_test

import (
	"fmt"
	"testing"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/internal/proctest/shared"
	"github.com/isthmus-go/isthmus/internal/wait"
	"github.com/isthmus-go/isthmus/ring"
	"github.com/isthmus-go/isthmus/shm"
)

// A workshop is a work queue with a ledger: of each message, whether an Ack of it has
// returned, and whether it came as a dead letter.
type workshop struct {
	q, dead     *workQueue
	done, dying *shm.Array[uint8]
}

func openWorkshop(t proctest.Fataler, s *shm.Segment, messages int) workshop {
	q, dead := openWork(t, s, true)
	return workshop{
		q: q, dead: dead,
		done:  proctest.Must(shm.NewArray[uint8](s, "done", messages))(t),
		dying: proctest.Must(shm.NewArray[uint8](s, "dying", messages))(t),
	}
}

// A shop worker holds several messages, and acknowledges them in any order.
var _ = proctest.Register("shop worker", func(c *proctest.Child) {
	var messages int
	var seed uint64
	var id int
	fmt.Sscan(fmt.Sprint(c.Arg(0), " ", c.Arg(1), " ", c.Arg(2)), &messages, &seed, &id)
	w := openWorkshop(c, shared.Open(c), messages)
	rnd := newRand(seed, id)
	wait.SetSpin(id%2 == 0)
	var tasks []workTask
	for {
		var task workTask
		var err error
		if len(tasks) > 0 {
			task, err = w.q.TryGet()
		} else {
			task, err = w.q.Get(background)
		}
		switch err {
		case nil:
			if w.done.Load(int(*task.Value())) != 0 {
				c.Fatalf("message %d is delivered after its Ack", *task.Value())
			}
			if task.Deliveries() > lettersN {
				c.Fatalf("delivery %d of message %d", task.Deliveries(), *task.Value())
			}
			tasks = append(tasks, task)
		case ring.ErrEmpty, ring.ErrClosed:
		default:
			c.Fatalf("get: %v", err)
		}
		if err == ring.ErrClosed && len(tasks) == 0 {
			return
		}
		for len(tasks) > 0 && (err != nil || len(tasks) > 2 || rnd.IntN(2) == 0) {
			i := rnd.IntN(len(tasks))
			task := tasks[i]
			n := int(*task.Value())
			tasks = append(tasks[:i], tasks[i+1:]...)
			if rnd.IntN(8) == 0 {
				c.Check(task.Nack())
			} else {
				c.Check(task.Ack())
				w.done.Store(n, 1)
			}
		}
	}
})

var _ = proctest.Register("shop putter", func(c *proctest.Child) {
	var messages, from, to int
	fmt.Sscan(fmt.Sprint(c.Arg(0), " ", c.Arg(1), " ", c.Arg(2)), &messages, &from, &to)
	w := openWorkshop(c, shared.Open(c), messages)
	for n := from; n < to; n++ {
		c.Check(w.q.Put(background, uint64(n)))
	}
})

// TestWorkMany has many processes put and work, some of which are killed. Each message is
// acknowledged or a dead letter; none is a dead letter twice, or delivered after its Ack.
func TestWorkMany(t *testing.T) {
	proctest.Mortal(t)
	messages := scaled(20000)
	seed := newSeed(t)
	rnd := newRand(seed, 1<<20)
	w := openWorkshop(t, newSegment(t), messages)
	started := 0
	worker := func() *proctest.Proc {
		started++
		return proctest.Start(t, "shop worker", fmt.Sprint(messages), fmt.Sprint(seed), fmt.Sprint(started))
	}
	var putters, workers []*proctest.Proc
	for i := range 2 {
		putters = append(putters, proctest.Start(t, "shop putter", fmt.Sprint(messages), fmt.Sprint(messages*i/2), fmt.Sprint(messages*(i+1)/2)))
	}
	for range 3 {
		workers = append(workers, worker())
	}
	letters := proctest.Go(func() error {
		for task, err := range w.dead.All(background) {
			if err != nil {
				return err
			}
			n := int(*task.Value())
			if w.dying.Load(n) != 0 {
				return fmt.Errorf("message %d is a dead letter twice", n)
			}
			w.dying.Store(n, 1)
			if err := task.Ack(); err != nil {
				return err
			}
		}
		return nil
	})
	countDone := func() (n int) {
		for i := range messages {
			n += int(w.done.Load(i) | w.dying.Load(i))
		}
		return n
	}
	for k := 1; k < 6; k++ {
		proctest.Until(t, "the work goes on", func() bool { return countDone() > messages*k/8 })
		i := rnd.IntN(len(workers))
		workers[i].Kill()
		workers[i] = worker()
	}
	for _, p := range putters {
		p.Wait()
	}
	proctest.Check(t, w.q.Join(background))
	expectCounts(t, w.q, 0, 0)
	proctest.Check(t, w.q.Close())
	for _, p := range workers {
		p.Wait()
	}
	proctest.Check(t, w.dead.Join(background))
	proctest.Check(t, w.dead.Close())
	proctest.Check(t, proctest.Result(t, letters))
	lost := 0
	for i := range messages {
		if w.done.Load(i) == 0 && w.dying.Load(i) == 0 {
			lost++ // or acknowledged by a worker that was killed before it said so
		}
	}
	if lost > 5 {
		t.Errorf("%d messages were lost", lost)
	}
}
