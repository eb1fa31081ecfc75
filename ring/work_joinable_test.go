package ring_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/internal/proctest/shared"
	"github.com/isthmus-go/isthmus/ring"
	"github.com/isthmus-go/isthmus/shm"
)

// The cases of CPython's JoinableQueue (test_queue.py, _test_multiprocessing.py), across
// processes.

const noMore = 1 << 63 // as None there

// A joinable worker adds up what it gets, until there is no more.
var _ = proctest.Register("joinable worker", func(c *proctest.Child) {
	s := shared.Open(c)
	defer s.Close()
	q := newWork(c, s, "joinable", 5)
	sum := counter(c, s, "sum")
	for {
		task := proctest.Must(q.Get(background))(c)
		n := *task.Value()
		if n != noMore {
			shm.Add(sum, n)
		}
		c.Check(task.Ack())
		if n == noMore {
			return
		}
	}
})

// TestJoinable is test_queue_join: all work is done when Join returns, and again.
func TestJoinable(t *testing.T) {
	s := newSegment(t)
	q := newWork(t, s, "joinable", 5)
	sum := counter(t, s, "sum")
	for round := range 2 { // "verify you can join() more than once"
		var workers []*proctest.Proc
		for range 3 {
			workers = append(workers, proctest.Start(t, "joinable worker"))
		}
		want := sum.Load()
		for i := range uint64(100) {
			proctest.Check(t, q.Put(background, i))
			want += i
		}
		proctest.Check(t, q.Join(background))
		if got := sum.Load(); got != want {
			t.Errorf("round %d: the sum is %d when Join returns, want %d", round, got, want)
		}
		for range workers {
			proctest.Check(t, q.Put(background, noMore))
		}
		proctest.Check(t, q.Join(background))
		for _, p := range workers {
			p.Wait()
		}
	}
}

// TestJoinableTaskDone is test_queue_task_done: it cannot be called once too often. And
// Join of a queue that nobody has used does not wait.
func TestJoinableTaskDone(t *testing.T) {
	q := newWork(t, newSegment(t), "joinable", 5)
	proctest.Check(t, q.Join(background))
	put(t, q, 1)
	task := expectTask(t, q, 1, 1)
	proctest.Check(t, task.Ack())
	checkIs(t, "one Ack too many", task.Ack(), ring.ErrNotReserved)
	proctest.Check(t, q.Join(background))
}

// TestJoinableWaits: Join waits while anything is queued or held, and its context ends it.
func TestJoinableWaits(t *testing.T) {
	q := newWork(t, newSegment(t), "joinable", 5)
	late := func(what string) {
		t.Helper()
		ctx, cancel := context.WithTimeout(background, 5*time.Millisecond)
		defer cancel()
		checkIs(t, "Join with a message "+what, q.Join(ctx), context.DeadlineExceeded)
	}
	put(t, q, 1)
	late("queued")
	task := expectTask(t, q, 1, 1)
	late("held")
	proctest.Check(t, task.Nack())
	late("given back")
	proctest.Check(t, expectTask(t, q, 1, 2).Ack())
	proctest.Check(t, q.Join(background))
	ctx, cancel := context.WithCancel(background)
	cancel()
	checkIs(t, "Join", q.Join(ctx), context.Canceled)
	_, err := q.Get(ctx)
	checkIs(t, "Get", err, context.Canceled)
	checkIs(t, "Put", q.Put(ctx, 1), context.Canceled)
}

// TestJoinableSize is test_qsize, test_get and test_put: what a full queue and an empty one
// say.
func TestJoinableSize(t *testing.T) {
	q := newWork(t, newSegment(t), "joinable", 4)
	for n := range 4 {
		expectCounts(t, q, n, 0)
		put(t, q, uint64(n))
	}
	ctx, cancel := context.WithTimeout(background, 5*time.Millisecond)
	defer cancel()
	checkIs(t, "TryPut", q.TryPut(9), ring.ErrFull)
	checkIs(t, "Put", q.Put(ctx, 9), context.DeadlineExceeded)
	for n := range 4 {
		proctest.Check(t, expectTask(t, q, uint64(n), 1).Ack())
		expectCounts(t, q, 3-n, 0)
	}
	expectNoTask(t, q)
	ctx2, cancel2 := context.WithTimeout(background, 5*time.Millisecond)
	defer cancel2()
	_, err := q.Get(ctx2)
	checkIs(t, "Get", err, context.DeadlineExceeded)
	if q.Cap() != 4 || fmt.Sprint(q) == "" {
		t.Errorf("Cap is %d", q.Cap())
	}
}
