package ring_test

import (
	"context"
	"testing"
	"time"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/internal/proctest/shared"
	"github.com/isthmus-go/isthmus/internal/ringtest"
	"github.com/isthmus-go/isthmus/ring"
)

const peerCapacity = 4

// eachPeerKind runs a test with a ring of each kind, of whose ends the test has one and
// peers have the other.
func eachPeerKind(t *testing.T, test func(t *testing.T, kind string, q queue)) {
	proctest.Mortal(t)
	for _, kind := range ringtest.Main {
		t.Run(kind, func(t *testing.T) {
			test(t, kind, newQueue(t, newSegment(t), kind, "held", peerCapacity, ring.FailOnDeath))
		})
	}
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

// TestPeerLeft: who never came, or has given its end up, is waited for, even if it dies
// after that.
func TestPeerLeft(t *testing.T) {
	eachPeerKind(t, func(t *testing.T, kind string, q queue) {
		c := proctest.Must(q.Consumer())(t)
		expectPopWaits(t, "Pop, of nobody", c)
		expectAlive(t, q, false, true)
		for _, leave := range []string{"detach", "close"} {
			if !q.Roles() && leave == "detach" {
				continue
			}
			for _, end := range []func(p *proctest.Proc){
				func(p *proctest.Proc) { p.Kill() },
				func(p *proctest.Proc) { p.Send("return"); p.Wait() },
			} {
				p := startHolder(t, kind, peerCapacity, "producer")
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
		p := startHolder(t, kind, peerCapacity, "producer")
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
		c := startHolder(t, kind, peerCapacity, "consumer")
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
		p := startHolder(t, kind, peerCapacity, "producer")
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
		c := proctest.Must(newQueue(t, seg, kind, "held", peerCapacity).Consumer())(t)
		p := startHolder(t, kind, peerCapacity, "producer")
		do(p, "push", 1)
		p.Kill()
		expectPop(t, c, q, 1)
		expectPopWaits(t, "Pop, of a dead producer", c)
		expectAlive(t, q, false, true)
	})
}
