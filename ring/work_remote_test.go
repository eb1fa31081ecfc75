package ring_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/internal/proctest/shared"
	"github.com/isthmus-go/isthmus/ring"
	"github.com/isthmus-go/isthmus/shm"
)

const (
	workRoom = 8
	lettersN = 2 // deliveries before a dead letter
)

// openWork opens the queue "work", and, if so told, that of its dead letters.
func openWork(t proctest.Fataler, s *shm.Segment, letters bool, opts ...ring.WorkQueueOption) (q, dead *workQueue) {
	t.Helper()
	if letters {
		dead = newWork(t, s, "dead", workRoom)
		opts = append(opts, ring.MaxDeliveries(lettersN, dead))
	}
	return newWork(t, s, "work", workRoom, opts...), dead
}

// A worker does with the queue "work" what it is told, and says what came of it.
var _ = proctest.Register("worker", func(c *proctest.Child) {
	s := shared.Open(c)
	q, _ := openWork(c, s, c.Arg(0) == "letters")
	var task workTask
	for {
		var what string
		var n uint64
		fmt.Sscan(c.Recv(), &what, &n)
		var answer any = "done"
		var err error
		switch what {
		case "put":
			err = q.Put(background, n)
		case "get":
			if task, err = q.Get(background); err == nil {
				answer = fmt.Sprint(*task.Value(), " ", task.Deliveries())
			}
		case "ack":
			err = task.Ack()
		case "nack":
			err = task.Nack()
		case "join":
			err = q.Join(background)
		case "write":
			*task.Value() = n
		case "claim":
			err = q.Claim()
		case "take":
			err = q.Take()
		case "ack-half":
			answer = task.AckHalf()
		case "nack-half":
			answer = task.NackHalf()
		case "bury":
			task.BuryHalf(int(n))
		case "close":
			err = q.Close()
		case "detach":
			c.Check(s.Close())
		case "end":
			return
		default:
			c.Fatalf("told to %q", what)
		}
		if errors.Is(err, ring.ErrClosed) {
			answer = "closed"
		} else if err != nil {
			answer = err
		}
		c.Send(answer)
	}
})

func startWorker(t *testing.T, letters bool) *proctest.Proc {
	arg := "plain"
	if letters {
		arg = "letters"
	}
	return proctest.Start(t, "worker", arg)
}

// told has a worker do something.
func told(p *proctest.Proc, answer any, what ...any) {
	p.Send(what...)
	p.Expect(answer)
}

// TestWorkerKilled kills a worker with messages in its hands, or in the middle of an
// operation. A consumer that waits gets what was not acknowledged, and nothing else.
func TestWorkerKilled(t *testing.T) {
	proctest.Mortal(t)
	for _, test := range []struct {
		name       string
		do         func(p *proctest.Proc)
		deliveries int // of message 1 the next time, or 0
	}{
		{"holding", func(p *proctest.Proc) {}, 2},
		{"between take and hold", nil, 1},
		{"acknowledged", func(p *proctest.Proc) { told(p, "done", "ack") }, 0},
		{"in Ack", func(p *proctest.Proc) { told(p, true, "ack-half") }, 0},
		{"in Nack", func(p *proctest.Proc) { told(p, true, "nack-half") }, 2},
		{"given back", func(p *proctest.Proc) { told(p, "done", "nack") }, 2},
		{"closed", func(p *proctest.Proc) { told(p, "done", "detach") }, 2},
		{"in Put", func(p *proctest.Proc) { told(p, "done", "ack"); told(p, "done", "claim") }, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			q, _ := openWork(t, newSegment(t), false)
			keeper := startWorker(t, false)
			put(t, q, 5)
			told(keeper, "5 1", "get")
			for lap := range 3 { // the slots are in different laps, and some were passed over
				p := startWorker(t, false)
				put(t, q, 1)
				if test.do == nil {
					told(p, "done", "take")
				} else {
					told(p, "1 1", "get")
					for n := range uint64(20) {
						put(t, q, n)
						proctest.Check(t, expectTask(t, q, n, 1).Ack())
					}
					test.do(p)
				}
				p.Kill()
				joined := proctest.Go(func() error { return q.Join(background) })
				if test.deliveries != 0 {
					got := proctest.Go(func() workTask { return proctest.Must(q.Get(background))(t) })
					task := wantTask(t, proctest.Result(t, got), 1, test.deliveries)
					expectNoTask(t, q)
					proctest.Check(t, task.Ack())
				}
				if lap == 2 {
					told(keeper, "done", "ack")
					proctest.Check(t, proctest.Result(t, joined))
				} else {
					expectNoTask(t, q)
					for n := range uint64(30) { // a Put does not wait for the dead
						proctest.Check(t, q.Put(background, n))
						task := proctest.Must(q.Get(background))(t)
						proctest.Check(t, wantTask(t, task, n, 1).Ack())
					}
				}
			}
			keeper.Send("end")
			keeper.Wait()
			roomOf(t, q, workRoom)
		})
	}
}

// TestWorkNeverEmpty has a busy queue, at which no consumer ever waits, deliver the
// messages of a dead worker.
func TestWorkNeverEmpty(t *testing.T) {
	proctest.Mortal(t)
	q, _ := openWork(t, newSegment(t), false)
	p := startWorker(t, false)
	put(t, q, 1)
	told(p, "1 1", "get")
	put(t, q, 2, 3)
	p.Kill()
	for n := uint64(4); n < 10000; n++ {
		put(t, q, n)
		task := proctest.Must(q.TryGet())(t)
		proctest.Check(t, task.Ack())
		if *task.Value() == 1 {
			wantTask(t, task, 1, 2)
			return
		}
	}
	t.Fatal("the message did not come again")
}

// TestWorkerPaused stops a worker that holds a message, in Ack, and in Get. It keeps
// what it holds, and stops nobody, unless it is inside Get.
func TestWorkerPaused(t *testing.T) {
	q, _ := openWork(t, newSegment(t), false)
	a, b := startWorker(t, false), startWorker(t, false)
	put(t, q, 1, 2)
	told(a, "1 1", "get")
	told(b, "2 1", "get")
	told(b, true, "ack-half")
	a.Stop()
	b.Stop()
	for n := range uint64(50) {
		for range workRoom - 1 {
			put(t, q, n)
		}
		for range workRoom - 1 {
			proctest.Check(t, expectTask(t, q, n, 1).Ack())
		}
		for range 100 {
			expectNoTask(t, q)
		}
	}
	expectCounts(t, q, 0, 1)
	a.Continue()
	b.Continue()
	told(a, "done", "ack")
	proctest.Check(t, q.Join(background))
	for _, p := range []*proctest.Proc{a, b} {
		p.Send("end")
		p.Wait()
	}
	roomOf(t, q, workRoom)
}

// TestWorkPeerDied: with FailOnDeath, who waits is told that the others are dead, once
// there is nothing left to do.
func TestWorkPeerDied(t *testing.T) {
	proctest.Mortal(t)
	q, _ := openWork(t, newSegment(t), false, ring.FailOnDeath)
	p, w := startWorker(t, false), startWorker(t, false)
	told(p, "done", "put", 1)
	told(p, "done", "put", 2)
	told(w, "1 1", "get")
	p.Kill()
	two := proctest.Must(q.Get(background))(t)
	wantTask(t, two, 2, 1)
	got := proctest.Go(func() error {
		task, err := q.Get(background) // what another holds may come back
		if err == nil {
			wantTask(t, task, 1, 2)
			err = task.Ack()
		}
		return err
	})
	proctest.Until(t, "a consumer waits", q.PopWaiting)
	told(w, "done", "nack")
	proctest.Check(t, proctest.Result(t, got))
	_, err := q.Get(background)
	checkIs(t, "Get with the producer dead", err, ring.ErrPeerDied)
	proctest.Check(t, two.Ack())
	w.Send("end")
	w.Wait()

	s := shared.Open(t) // who has never been a consumer
	defer s.Close()
	mine, _ := openWork(t, s, false, ring.FailOnDeath)
	proctest.Check(t, q.Join(background))
	put(t, mine, 3)
	w = startWorker(t, false)
	told(w, "3 1", "get")
	ended := proctest.Go(func() error { return mine.Join(background) })
	proctest.Until(t, "somebody joins", mine.JoinWaiting)
	w.Kill()
	// This test's own first Segment is a consumer too.
	proctest.Check(t, wantTask(t, proctest.Must(q.Get(background))(t), 3, 2).Ack())
	proctest.Check(t, proctest.Result(t, ended))
}
