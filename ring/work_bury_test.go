package ring_test

import (
	"errors"
	"fmt"
	"io/fs"
	"testing"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/internal/proctest/shared"
	"github.com/isthmus-go/isthmus/ring"
	"github.com/isthmus-go/isthmus/shm"
)

// TestDeadLetters has messages delivered that nobody acknowledges.
func TestDeadLetters(t *testing.T) {
	proctest.Mortal(t)
	q, dead := openWork(t, newSegment(t), true)
	put(t, q, 1, 2)
	proctest.Check(t, expectTask(t, q, 1, 1).Nack())
	task := expectTask(t, q, 1, 2)
	proctest.Check(t, task.Nack())
	checkIs(t, "Nack again", task.Nack(), ring.ErrNotReserved)
	checkIs(t, "Ack after Nack", task.Ack(), ring.ErrNotReserved)
	letter := expectTask(t, dead, 1, 1)
	expectNoTask(t, dead)
	expectCounts(t, q, 1, 0)

	p := startWorker(t, true)
	told(p, "2 1", "get")
	told(p, "done", "nack")
	told(p, "2 2", "get")
	p.Kill()
	joined := proctest.Go(func() error { return q.Join(background) })
	got := proctest.Go(func() error {
		task, err := q.Get(background) // which moves the letter
		if err == nil {
			wantTask(t, task, 3, 1)
			err = task.Ack()
		}
		return err
	})
	proctest.Check(t, wantTask(t, proctest.Must(dead.Get(background))(t), 2, 1).Ack())
	proctest.Check(t, proctest.Result(t, joined))
	put(t, q, 3)
	proctest.Check(t, proctest.Result(t, got))
	proctest.Check(t, letter.Nack())
	proctest.Check(t, expectTask(t, dead, 1, 2).Nack())
	proctest.Check(t, expectTask(t, dead, 1, 3).Ack()) // a letter has no end
	roomOf(t, q, workRoom)
	roomOf(t, dead, workRoom)
}

// TestMoverKilled kills a process after each step of the move of a dead letter, while the
// letter waits there, is held, or is acknowledged. It is delivered there once.
func TestMoverKilled(t *testing.T) {
	proctest.Mortal(t)
	for steps := 0; steps <= 6; steps++ {
		for _, when := range []string{"queued", "held", "acknowledged"} {
			if when != "queued" && steps < 3 {
				continue
			}
			t.Run(fmt.Sprint(steps, " steps, ", when), func(t *testing.T) {
				q, dead := openWork(t, newSegment(t), true)
				p := startWorker(t, true)
				put(t, q, 1)
				told(p, "1 1", "get")
				told(p, "done", "nack")
				told(p, "1 2", "get")
				if steps > 0 {
					told(p, "done", "bury", steps)
				}
				var task workTask
				if when != "queued" {
					task = expectTask(t, dead, 1, 1)
				}
				if when == "acknowledged" {
					proctest.Check(t, task.Ack())
				}
				p.Kill()
				if steps == 2 {
					expectNoTask(t, dead)
				}
				for n := uint64(10); n < 30; n++ { // round the ring of the letters
					proctest.Check(t, dead.Put(background, n))
					got := proctest.Must(dead.Get(background))(t)
					if *got.Value() == 1 {
						proctest.Check(t, got.Nack())
						n--
						got = proctest.Must(dead.Get(background))(t)
						if *got.Value() == 1 {
							task, when = got, "held"
							got = proctest.Must(dead.Get(background))(t)
							n++
						}
					}
					proctest.Check(t, got.Ack())
				}
				proctest.Check(t, q.Close())
				_, err := q.Get(background) // goes on with the move
				checkIs(t, "Get in the end", err, ring.ErrClosed)
				proctest.Check(t, q.Join(background))
				switch when {
				case "queued":
					got := proctest.Must(dead.Get(background))(t)
					if *got.Value() != 1 {
						t.Fatalf("got %d", *got.Value())
					}
					proctest.Check(t, got.Ack())
				case "held":
					proctest.Check(t, task.Ack())
				}
				for range 100 {
					expectNoTask(t, dead)
				}
				proctest.Check(t, dead.Join(background))
				roomOf(t, dead, workRoom)
			})
		}
	}
}

// TestDeadLettersFull has no room for a dead letter for a while.
func TestDeadLettersFull(t *testing.T) {
	proctest.Mortal(t)
	q, dead := openWork(t, newSegment(t), true)
	for n := range uint64(workRoom) {
		put(t, dead, n)
	}
	put(t, q, 1)
	proctest.Check(t, expectTask(t, q, 1, 1).Nack())
	proctest.Check(t, expectTask(t, q, 1, 2).Nack())
	for range 200 {
		expectNoTask(t, q)
	}
	expectCounts(t, q, 1, 0)
	ended := proctest.Go(func() error { _, err := q.Get(background); return err })
	proctest.Check(t, expectTask(t, dead, 0, 1).Ack())
	joined := proctest.Go(func() error { return q.Join(background) })
	proctest.Check(t, proctest.Result(t, joined))
	for n := uint64(1); n < workRoom; n++ {
		proctest.Check(t, expectTask(t, dead, n, 1).Ack())
	}
	proctest.Check(t, expectTask(t, dead, 1, 1).Ack())
	proctest.Check(t, q.Close())
	checkIs(t, "Get", proctest.Result(t, ended), ring.ErrClosed)
}

// TestDeadLettersMismatch gives MaxDeliveries what it does not take.
func TestDeadLettersMismatch(t *testing.T) {
	s := newSegment(t)
	q, dead := openWork(t, s, true)
	other := shared.Open(t)
	defer other.Close()
	far := newWork(t, other, "dead", workRoom)
	small := proctest.Must(ring.NewWorkQueue[uint32](s, "small", 2))(t)
	for what, test := range map[string]struct {
		option ring.WorkQueueOption
		want   error
	}{
		"another number":      {ring.MaxDeliveries(lettersN+1, dead), shm.ErrMismatch},
		"no option":           {ring.FailOnDeath, shm.ErrMismatch},
		"no queue":            {ring.MaxDeliveries[uint64](lettersN, nil), fs.ErrInvalid},
		"another type":        {ring.MaxDeliveries(lettersN, small), fs.ErrInvalid},
		"another Segment":     {ring.MaxDeliveries(lettersN, far), fs.ErrInvalid},
		"a chain":             {ring.MaxDeliveries(lettersN, q), fs.ErrInvalid},
		"too many deliveries": {ring.MaxDeliveries(512, dead), fs.ErrInvalid},
		"a negative number":   {ring.MaxDeliveries(-1, dead), fs.ErrInvalid},
	} {
		_, err := ring.NewWorkQueue[uint64](s, "work", workRoom, test.option)
		if !errors.Is(err, test.want) {
			t.Errorf("%s: %v, want %v", what, err, test.want)
		}
	}
}
