package ring_test

import (
	"testing"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/ring"
)

// TestProducerKilled takes over from producers killed after each step of a push.
func TestProducerKilled(t *testing.T) {
	proctest.Mortal(t)
	eachRoleKind(t, func(t *testing.T, kind string, capacity int, q queue) {
		c := proctest.Must(q.Consumer())(t)
		n := uint64(0)
		for range 2*capacity + 1 {
			p := startHolder(t, kind, capacity, "producer")
			if n%2 == 0 {
				do(p, "push", n)
				expectPop(t, c, q, n)
				do(p, "reserve", 999)
				p.Kill()
			} else {
				do(p, "reserve", 999)
				do(p, "push", n)
				p.Kill()
				expectPop(t, c, q, n)
			}
			expectEmpty(t, c, q)
			n++
		}
		p := proctest.Must(q.Producer())(t)
		proctest.Check(t, p.Push(background, n))
		expectPop(t, c, q, n)
	})
}

// TestConsumerKilled takes over from consumers killed after each step of a pop:
// a message that was lent comes again, one that was taken does not.
func TestConsumerKilled(t *testing.T) {
	proctest.Mortal(t)
	eachRoleKind(t, func(t *testing.T, kind string, capacity int, q queue) {
		p := proctest.Must(q.Producer())(t)
		n := uint64(0)
		for range 2*capacity + 1 {
			proctest.Check(t, p.Push(background, n))
			for range 2 {
				c := startHolder(t, kind, capacity, "consumer")
				do(c, "next", n)
				c.Kill()
			}
			if n%2 == 0 {
				c := startHolder(t, kind, capacity, "consumer")
				do(c, "pop", n)
				c.Kill()
			} else {
				c := proctest.Must(q.Consumer())(t)
				expectPop(t, c, q, n)
				proctest.Check(t, c.Detach())
			}
			n++
		}
		expectEmpty(t, proctest.Must(q.Consumer())(t), q)
	})
}

// TestPausedKeepsRole: who is merely stopped is not succeeded.
func TestPausedKeepsRole(t *testing.T) {
	proctest.Mortal(t)
	eachRoleKind(t, func(t *testing.T, kind string, capacity int, q queue) {
		p := startHolder(t, kind, capacity, "producer")
		do(p, "reserve", 999)
		p.Stop()
		_, err := q.Producer()
		checkIs(t, "producer next to a paused one", err, ring.ErrRoleTaken)
		p.Continue()
		do(p, "push", 3)
		expectPop(t, proctest.Must(q.Consumer())(t), q, 3)
		p.Send("return")
		p.Wait()
		proctest.Must(q.Producer())(t) // ended without a Detach
	})
}
