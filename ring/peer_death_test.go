package ring_test

import (
	"context"
	"testing"
	"time"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/internal/ringtest"
	"github.com/isthmus-go/isthmus/ring"
)

// TestProducerDied: who pops gets all that the dead have pushed, and then ErrPeerDied,
// until there is a successor.
func TestProducerDied(t *testing.T) {
	eachPeerKind(t, func(t *testing.T, kind string, q queue) {
		c := proctest.Must(q.Consumer())(t)
		for name, pop := range popOps {
			p := startHolder(t, kind, peerCapacity, "producer")
			for n := range uint64(2) {
				do(p, "push", n)
			}
			do(p, "reserve", 0)
			p.Kill()
			for n := range uint64(2) {
				if got, err := pop(background, c); err != nil || got != n {
					t.Fatalf("%s: %d, %v, want %d", name, got, err, n)
				}
			}
			for range 2 {
				_, err := pop(background, c)
				checkIs(t, name, err, ring.ErrPeerDied)
			}
			if _, err := c.TryPop(); err != ring.ErrEmpty {
				t.Errorf("TryPop: %v", err)
			}
		}
		p := startHolder(t, kind, peerCapacity, "producer")
		do(p, "push", 7)
		expectPop(t, c, q, 7)
		expectPopWaits(t, "Pop, with a successor", c)
		expectTold(t, p, "Pop", func() error { _, err := c.Pop(background); return err }, q.PopWaiting)
	})
}

// TestConsumerDied: who pushes fills the ring, and then gets ErrPeerDied, until there is
// a successor.
func TestConsumerDied(t *testing.T) {
	eachPeerKind(t, func(t *testing.T, kind string, q queue) {
		p := proctest.Must(q.Producer())(t)
		c := startHolder(t, kind, peerCapacity, "consumer")
		proctest.Check(t, p.Push(background, 100))
		do(c, "pop", 100)
		n := fillUp(t, p, q, 0)
		do(c, "next", 0)
		c.Kill()
		for name, push := range pushOps {
			checkIs(t, name, push(background, p, n), ring.ErrPeerDied)
		}
		if err := p.TryPush(n); err != ring.ErrFull {
			t.Errorf("TryPush: %v", err)
		}
		c = startHolder(t, kind, peerCapacity, "consumer")
		for i := range n {
			do(c, "pop", i)
		}
		proctest.Check(t, p.Push(background, 7))
		do(c, "pop", 7)
		n = fillUp(t, p, q, 0)
		expectWaits(t, "Push, with a successor", func(ctx context.Context) error { return p.Push(ctx, n) })
		expectTold(t, c, "Push", func() error { return p.Push(background, n) }, q.PushWaiting)
	})
}

// TestPushAllDied: a batch says how many of it were pushed before there was no more room.
func TestPushAllDied(t *testing.T) {
	eachPeerKind(t, func(t *testing.T, kind string, q queue) {
		p := proctest.Must(q.Producer())(t)
		c := startHolder(t, kind, peerCapacity, "consumer")
		proctest.Check(t, p.Push(background, 100))
		do(c, "pop", 100)
		c.Kill()
		n, err := p.PushAll(background, 0, 1000)
		checkIs(t, "PushAll", err, ring.ErrPeerDied)
		rest := proctest.Must(q.Consumer())(t)
		for i := range n {
			expectPop(t, rest, q, uint64(i))
		}
		expectEmpty(t, rest, q)
	})
}

// TestLastLook: what the dead have done between the last try and their death counts.
func TestLastLook(t *testing.T) {
	proctest.Mortal(t)
	for _, kind := range ringtest.Main {
		t.Run(kind, func(t *testing.T) {
			q := newQueue(t, newSegment(t), kind, "held", peerCapacity, ring.FailOnDeath)
			var p producer
			var c consumer
			died := 0
			q.SetEnds(
				func() bool { died++; proctest.Check(t, p.Push(background, 5)); return true },
				func() bool { died++; proctest.Must(c.TryPop())(t); return true })
			p, c = proctest.Must(q.Producer())(t), proctest.Must(q.Consumer())(t)
			for name, pop := range popOps {
				if n, err := pop(background, c); err != nil || n != 5 {
					t.Errorf("%s: %d, %v", name, n, err)
				}
			}
			for name, push := range pushOps {
				n := 0
				for ; p.TryPush(0) == nil; n++ {
				}
				if err := push(background, p, 0); err != nil {
					t.Errorf("%s: %v", name, err)
				}
				for range n {
					proctest.Must(c.TryPop())(t)
				}
			}
			if died != len(popOps)+len(pushOps) {
				t.Errorf("asked %d times", died)
			}
		})
	}
}

// TestLentMeanwhile has an end abandoned, and not any more after the last try: a message
// was there, and is lent to somebody by now.
func TestLentMeanwhile(t *testing.T) {
	for _, kind := range ringtest.Main {
		t.Run(kind, func(t *testing.T) {
			q := newQueue(t, newSegment(t), kind, "held", peerCapacity, ring.FailOnDeath)
			asked := 0
			q.SetEnds(func() bool { asked++; return asked == 1 }, nil)
			expectPopWaits(t, kind, proctest.Must(q.Consumer())(t))
		})
	}
}

// expectTold kills a peer under an operation that sleeps, which is told before long.
func expectTold(t *testing.T, peer *proctest.Proc, what string, op func() error, asleep func() bool) {
	t.Helper()
	returned := proctest.Go(op)
	proctest.Until(t, what+" sleeps", asleep)
	start := time.Now()
	peer.Kill()
	checkIs(t, what+", asleep", proctest.Result(t, returned), ring.ErrPeerDied)
	proctest.Prompt(t, "told of the death", start)
}
