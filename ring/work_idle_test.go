package ring_test

import (
	"testing"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/internal/proctest/shared"
	"github.com/isthmus-go/isthmus/ring"
)

// TestWorkFigure: what Join compares is another after each step of the ring, also if there was no
// message before the step, and none after. Else it would not notice those in between.
func TestWorkFigure(t *testing.T) {
	q := newWork(t, newSegment(t), "figure", 2)
	last := q.Figure()
	rises := func(what string) {
		t.Helper()
		if f := q.Figure(); f <= last {
			t.Fatalf("the figure is %d after %s, and was %d before", f, what, last)
		}
		last = q.Figure()
	}
	for n := range uint64(5) {
		put(t, q, n)
		task := expectTask(t, q, n, 1)
		task.AckHalf()
		rises("a message")
		task.Finish()
		rises("its end")
	}
	put(t, q, 5)
	held := expectTask(t, q, 5, 1)
	for n := range uint64(5) { // passing over
		put(t, q, n)
		proctest.Check(t, expectTask(t, q, n, 1).Ack())
	}
	held.AckHalf()
	rises("all of them")
}

// TestJoinPeerDied: with FailOnDeath, Join is told that the last worker has died with messages;
// and not while another lives, nor if there is nothing left to do.
func TestJoinPeerDied(t *testing.T) {
	proctest.Mortal(t)
	s := newSegment(t)
	q, _ := openWork(t, s, false, ring.FailOnDeath)
	put(t, q, 1, 2)
	a, b := startWorker(t, false), startWorker(t, false)
	told(a, "1 1", "get")
	told(b, "2 1", "get")
	joined := proctest.Go(func() error { return q.Join(background) })
	proctest.Until(t, "somebody joins", q.JoinWaiting)
	a.Kill()
	told(b, "1 2", "get") // so Join has seen more than a Slice go by
	told(b, "done", "ack")
	select {
	case err := <-joined:
		t.Fatal("Join, with a worker alive:", err)
	default:
	}
	b.Kill() // with message 2
	checkIs(t, "Join with the workers dead", proctest.Result(t, joined), ring.ErrPeerDied)
	checkIs(t, "Join again", q.Join(background), ring.ErrPeerDied)

	s2 := shared.Open(t)
	defer s2.Close()
	c, _ := openWork(t, s2, false)
	proctest.Check(t, wantTask(t, proctest.Must(c.Get(background))(t), 2, 2).Ack())
	proctest.Check(t, q.Join(background))
}
