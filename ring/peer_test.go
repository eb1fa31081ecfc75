package ring_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/internal/proctest/shared"
	"github.com/isthmus-go/isthmus/ring"
)

// peerKinds are the rings whose other end may die.
var peerKinds = mainKinds

const peerCapacity = 4

// A peer is the other end of a ring, and does what it is told.
var _ = proctest.Register("peer", func(c *proctest.Child) {
	seg := shared.Open(c)
	q := newQueue(c, seg, c.Arg(0), "peer", peerCapacity)
	var p producer
	var co consumer
	if c.Arg(1) == "producer" {
		p = proctest.Must(q.Producer())(c)
	} else {
		co = proctest.Must(q.Consumer())(c)
	}
	c.Send("done")
	for {
		var what string
		var n uint64
		fmt.Sscan(c.Recv(), &what, &n)
		switch what {
		case "push":
			c.Check(p.Push(background, n))
		case "reserve":
			proctest.Must(p.TryReserve(n))(c)
		case "pop":
			if got := proctest.Must(co.TryPop())(c); got != n {
				c.Fatalf("popped %d, want %d", got, n)
			}
		case "next":
			_, _, err := co.TryNext()
			c.Check(err)
		case "detach":
			if p != nil {
				c.Check(p.Detach())
			} else {
				c.Check(co.Detach())
			}
		case "close":
			c.Check(seg.Close())
		case "return": // without giving anything up
			return
		}
		c.Send("done")
	}
})

func startPeer(t *testing.T, kind, role string) *proctest.Proc {
	p := proctest.Start(t, "peer", kind, role)
	p.Expect("done")
	return p
}

// eachPeerKind runs a test with a ring of each kind, of whose ends the test has one and
// peers have the other.
func eachPeerKind(t *testing.T, test func(t *testing.T, kind string, q queue)) {
	proctest.Mortal(t)
	for _, kind := range peerKinds {
		t.Run(kind, func(t *testing.T) {
			test(t, kind, newQueue(t, newSegment(t), kind, "peer", peerCapacity, ring.FailOnDeath))
		})
	}
}

// popOps and pushOps are the operations that wait.
var popOps = map[string]func(ctx context.Context, c consumer) (uint64, error){
	"Pop": func(ctx context.Context, c consumer) (uint64, error) { return c.Pop(ctx) },
	"PopInto": func(ctx context.Context, c consumer) (uint64, error) {
		ns, err := c.PopInto(ctx, 1)
		return append(ns, 0)[0], err
	},
	"Next": func(ctx context.Context, c consumer) (uint64, error) {
		n, release, err := c.Next(ctx)
		if err != nil {
			return 0, err
		}
		return n, release()
	},
	"All": func(ctx context.Context, c consumer) (n uint64, err error) {
		for n, err = range c.All(ctx) {
			break
		}
		return n, err
	},
}

var pushOps = map[string]func(ctx context.Context, p producer, n uint64) error{
	"Push": func(ctx context.Context, p producer, n uint64) error { return p.Push(ctx, n) },
	"PushAll": func(ctx context.Context, p producer, n uint64) error {
		_, err := p.PushAll(ctx, n, n+1)
		return err
	},
	"Reserve": func(ctx context.Context, p producer, n uint64) error {
		commit, err := p.Reserve(ctx, n)
		if err != nil {
			return err
		}
		return commit()
	},
}

// patience is how long an operation is watched that goes on waiting: some looks for the
// dead.
const patience = 100 * time.Millisecond

// expectWaits wants an operation to wait for as long as it may.
func expectWaits(t *testing.T, what string, op func(ctx context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(background, patience)
	defer cancel()
	checkIs(t, what, op(ctx), context.DeadlineExceeded)
}

func expectPopWaits(t *testing.T, what string, c consumer) {
	t.Helper()
	expectWaits(t, what, func(ctx context.Context) error { _, err := c.Pop(ctx); return err })
}

func expectAlive(t *testing.T, q queue, producer, consumer bool) {
	t.Helper()
	if p, c := q.ProducerAlive(), q.ConsumerAlive(); p != producer || c != consumer {
		t.Errorf("alive are a producer %v and a consumer %v, want %v and %v", p, c, producer, consumer)
	}
}

// TestProducerDied: who pops gets all that the dead have pushed, and then ErrPeerDied,
// until there is a successor.
func TestProducerDied(t *testing.T) {
	eachPeerKind(t, func(t *testing.T, kind string, q queue) {
		c := proctest.Must(q.Consumer())(t)
		for name, pop := range popOps {
			p := startPeer(t, kind, "producer")
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
		p := startPeer(t, kind, "producer")
		do(p, "push", 7)
		expectPop(t, c, q, 7)
		expectPopWaits(t, "Pop, with a successor", c)
		asleep := proctest.Go(func() error { _, err := c.Pop(background); return err })
		proctest.Until(t, "the consumer sleeps", q.PopWaiting)
		start := time.Now()
		p.Kill()
		checkIs(t, "Pop, asleep", proctest.Result(t, asleep), ring.ErrPeerDied)
		proctest.Prompt(t, "told of the death", start)
	})
}

// TestConsumerDied: who pushes fills the ring, and then gets ErrPeerDied, until there is
// a successor.
func TestConsumerDied(t *testing.T) {
	eachPeerKind(t, func(t *testing.T, kind string, q queue) {
		p := proctest.Must(q.Producer())(t)
		c := startPeer(t, kind, "consumer")
		proctest.Check(t, p.Push(background, 100))
		do(c, "pop", 100)
		n := fillUp(t, p, q, 0)
		do(c, "next")
		c.Kill()
		for name, push := range pushOps {
			checkIs(t, name, push(background, p, n), ring.ErrPeerDied)
		}
		if err := p.TryPush(n); err != ring.ErrFull {
			t.Errorf("TryPush: %v", err)
		}
		c = startPeer(t, kind, "consumer")
		for i := range n {
			do(c, "pop", i)
		}
		proctest.Check(t, p.Push(background, 7))
		do(c, "pop", 7)
		n = fillUp(t, p, q, 0)
		expectWaits(t, "Push, with a successor", func(ctx context.Context) error { return p.Push(ctx, n) })
		asleep := proctest.Go(func() error { return p.Push(background, n) })
		proctest.Until(t, "the producer sleeps", q.PushWaiting)
		start := time.Now()
		c.Kill()
		checkIs(t, "Push, asleep", proctest.Result(t, asleep), ring.ErrPeerDied)
		proctest.Prompt(t, "told of the death", start)
	})
}

// TestPushAllDied: a batch says how many of it were pushed before there was no more room.
func TestPushAllDied(t *testing.T) {
	eachPeerKind(t, func(t *testing.T, kind string, q queue) {
		p := proctest.Must(q.Producer())(t)
		c := startPeer(t, kind, "consumer")
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
	for _, kind := range mainKinds {
		t.Run(kind, func(t *testing.T) {
			q := newQueue(t, newSegment(t), kind, "peer", peerCapacity, ring.FailOnDeath)
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
	for _, kind := range mainKinds {
		t.Run(kind, func(t *testing.T) {
			q := newQueue(t, newSegment(t), kind, "peer", peerCapacity, ring.FailOnDeath)
			asked := 0
			q.SetEnds(func() bool { asked++; return asked == 1 }, nil)
			expectPopWaits(t, kind, proctest.Must(q.Consumer())(t))
		})
	}
}

// TestPeerLeft: who never came, or has given its end up, is waited for, even if it dies
// after that.
func TestPeerLeft(t *testing.T) {
	eachPeerKind(t, func(t *testing.T, kind string, q queue) {
		c := proctest.Must(q.Consumer())(t)
		expectPopWaits(t, "Pop, of nobody", c)
		expectAlive(t, q, false, true)
		for _, leave := range []string{"detach", "close"} {
			if isMPMC(q) && leave == "detach" {
				continue
			}
			for _, end := range []func(p *proctest.Proc){
				func(p *proctest.Proc) { p.Kill() },
				func(p *proctest.Proc) { p.Send("return"); p.Wait() },
			} {
				p := startPeer(t, kind, "producer")
				do(p, "push", 1)
				expectAlive(t, q, true, true)
				do(p, leave)
				expectAlive(t, q, false, true)
				expectPop(t, c, q, 1)
				expectPopWaits(t, "Pop, after "+leave, c)
				end(p)
				expectPopWaits(t, "Pop, after "+leave+" and death", c)
			}
		}
		// Who ends without Close has died.
		p := startPeer(t, kind, "producer")
		do(p, "push", 1)
		p.Send("return")
		p.Wait()
		expectPop(t, c, q, 1)
		_, err := c.Pop(background)
		checkIs(t, "Pop, after the end", err, ring.ErrPeerDied)
	})
	eachPeerKind(t, func(t *testing.T, kind string, q queue) {
		p := proctest.Must(q.Producer())(t)
		n := fillUp(t, p, q, 0)
		push := func(ctx context.Context) error { return p.Push(ctx, n) }
		expectWaits(t, "Push, of nobody", push)
		c := startPeer(t, kind, "consumer")
		do(c, "pop", 0)
		expectAlive(t, q, true, true)
		do(c, "close")
		expectAlive(t, q, true, false)
		n = fillUp(t, p, q, 0)
		expectWaits(t, "Push, after close", push)
		c.Kill()
		expectWaits(t, "Push, after close and death", push)
	})
}

// TestPeerPaused: who is stopped is alive.
func TestPeerPaused(t *testing.T) {
	eachPeerKind(t, func(t *testing.T, kind string, q queue) {
		c := proctest.Must(q.Consumer())(t)
		p := startPeer(t, kind, "producer")
		expectEmpty(t, c, q)
		do(p, "push", 1)
		p.Stop()
		expectAlive(t, q, true, true)
		expectPop(t, c, q, 1)
		expectPopWaits(t, "Pop, of a stopped producer", c)
		p.Continue()
		do(p, "push", 2)
		expectPop(t, c, q, 2)
		p.Kill()
	})
}

// TestWaitsForTheDead: without the option a successor is waited for.
func TestWaitsForTheDead(t *testing.T) {
	eachPeerKind(t, func(t *testing.T, kind string, q queue) {
		seg := shared.Open(t)
		defer seg.Close()
		c := proctest.Must(newQueue(t, seg, kind, "peer", peerCapacity).Consumer())(t)
		p := startPeer(t, kind, "producer")
		do(p, "push", 1)
		p.Kill()
		expectPop(t, c, q, 1)
		expectPopWaits(t, "Pop, of a dead producer", c)
		expectAlive(t, q, false, true)
	})
}

// TestManyPeers: an MPMC ring is given up only when all who pushed to it are gone, and
// what others have lent came back, or did not.
func TestManyPeers(t *testing.T) {
	proctest.Mortal(t)
	q := newQueue(t, newSegment(t), "MPMC", "peer", peerCapacity, ring.FailOnDeath)
	c := proctest.Must(q.Consumer())(t)
	a, b := startPeer(t, "MPMC", "producer"), startPeer(t, "MPMC", "producer")
	do(a, "push", 1)
	do(b, "push", 2)
	expectPop(t, c, q, 1)
	expectPop(t, c, q, 2)
	a.Kill()
	expectPopWaits(t, "Pop, one of two producers dead", c)
	reader := startPeer(t, "MPMC", "consumer")
	do(b, "push", 3)
	do(reader, "next")
	do(b, "close")
	b.Kill()
	expectPopWaits(t, "Pop, a message lent", c)
	expectAlive(t, q, false, true)
	reader.Kill()
	if n, err := c.Pop(background); err != nil || n != 3 {
		t.Errorf("Pop: %d, %v, want what the dead was lent", n, err)
	}
	_, err := c.Pop(background)
	checkIs(t, "Pop, one producer dead and one gone", err, ring.ErrPeerDied)

	p := proctest.Must(q.Producer())(t)
	proctest.Check(t, p.Push(background, 4))
	expectPop(t, c, q, 4)
	expectPopWaits(t, "Pop, of this process's own pushes", c)
}
