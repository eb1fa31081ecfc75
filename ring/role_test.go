package ring_test

import (
	"fmt"
	"testing"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/internal/proctest/shared"
	"github.com/isthmus-go/isthmus/ring"
)

var roleKinds = []string{"SPSC/40B", "Bytes"}

// eachRoleKind runs a test with rings whose ends are roles. The capacity is that
// of the queue that the helpers open.
func eachRoleKind(t *testing.T, test func(t *testing.T, kind string, capacity int, q queue)) {
	for _, kind := range roleKinds {
		for _, capacity := range []int{1, 2, 4} {
			t.Run(fmt.Sprint(kind, "/capacity ", capacity), func(t *testing.T) {
				s := newSegment(t)
				test(t, kind, capacity, newQueue(t, s, kind, "role", capacity))
			})
		}
	}
}

func roleQueue(c *proctest.Child) queue {
	var capacity int
	fmt.Sscan(c.Arg(1), &capacity)
	return newQueue(c, shared.Open(c), c.Arg(0), "role", capacity)
}

// A role holder claims a role, does what it is told, and says so.
var _ = proctest.Register("role holder", func(c *proctest.Child) {
	q := roleQueue(c)
	var p producer
	var co consumer
	switch c.Arg(2) {
	case "producer":
		p = proctest.Must(q.Producer())(c)
	case "consumer":
		co = proctest.Must(q.Consumer())(c)
	}
	c.Send("ready")
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
			c.Send(proctest.Must(co.TryPop())(c))
			continue
		case "next":
			n, _, err := co.TryNext()
			c.Check(err)
			c.Send(n)
			continue
		case "detach":
			if p != nil {
				c.Check(p.Detach())
			} else {
				c.Check(co.Detach())
			}
		case "return":
			return // without giving the role up
		}
		c.Send("done")
	}
})

func startRole(t *testing.T, kind string, capacity int, role string) *proctest.Proc {
	p := proctest.Start(t, "role holder", kind, fmt.Sprint(capacity), role)
	p.Expect("ready")
	return p
}

func do(p *proctest.Proc, operands ...any) {
	p.Send(operands...)
	p.Expect("done")
}

// TestRoleTaken claims roles that other processes and this one have, and ones
// that were given up.
func TestRoleTaken(t *testing.T) {
	eachRoleKind(t, func(t *testing.T, kind string, capacity int, q queue) {
		other := startRole(t, kind, capacity, "producer")
		for range 2 {
			_, err := q.Producer()
			checkIs(t, "second producer", err, ring.ErrRoleTaken)
		}
		c := proctest.Must(q.Consumer())(t)
		_, err := q.Consumer()
		checkIs(t, "second consumer", err, ring.ErrRoleTaken)

		do(other, "push", 0)
		do(other, "detach")
		p := proctest.Must(q.Producer())(t)
		proctest.Check(t, c.Detach())
		another := startRole(t, kind, capacity, "consumer")
		_, err = q.Consumer()
		checkIs(t, "consumer after Detach", err, ring.ErrRoleTaken)
		another.Send("pop")
		another.Expect(0)
		proctest.Check(t, p.Push(background, 1))
		do(another, "detach")
		expectPop(t, proctest.Must(q.Consumer())(t), q, 1)

		other.Send("return")
		another.Send("return")
		other.Wait()
		another.Wait()
	})
}

// TestDetached has the ends that were given up refuse everything.
func TestDetached(t *testing.T) {
	eachRoleKind(t, func(t *testing.T, kind string, capacity int, q queue) {
		p, c := proctest.Must(q.Producer())(t), proctest.Must(q.Consumer())(t)
		proctest.Check(t, p.Push(background, 1))
		commit, err := p.TryReserve(2)
		if err != ring.ErrFull {
			proctest.Check(t, err)
		}
		n, release, err := c.TryNext()
		proctest.Check(t, err)
		proctest.Check(t, p.Detach())
		proctest.Check(t, c.Detach())
		checkIs(t, "Commit", commit(), ring.ErrNotReserved)
		checkIs(t, "Release", release(), ring.ErrNotReserved)
		_, errReserve := p.Reserve(background, 1)
		_, errPushAll := p.PushAll(background, 1, 2)
		_, errTryPop := c.TryPop()
		_, errPop := c.Pop(background)
		_, errPopInto := c.PopInto(background, 1)
		_, _, errNext := c.Next(background)
		for what, err := range map[string]error{
			"TryPush": p.TryPush(1), "Push": p.Push(background, 1), "PushAll": errPushAll,
			"Reserve": errReserve, "Close": p.Close(), "producer's Detach": p.Detach(),
			"TryPop": errTryPop, "Pop": errPop, "PopInto": errPopInto, "Next": errNext,
			"consumer's Detach": c.Detach(),
		} {
			checkIs(t, what, err, ring.ErrDetached)
		}
		checkIs(t, "All", onlyError(t, c.All(background)), ring.ErrDetached)
		expectPop(t, proctest.Must(q.Consumer())(t), q, n) // what was lent stays
	})
}

// TestClosedForProducers: there is nothing to take over in a closed ring but what
// is left to pop.
func TestClosedForProducers(t *testing.T) {
	eachRoleKind(t, func(t *testing.T, kind string, capacity int, q queue) {
		p := proctest.Must(q.Producer())(t)
		proctest.Check(t, p.Push(background, 5))
		proctest.Check(t, p.Close())
		checkIs(t, "second Close", p.Close(), ring.ErrClosed)
		for range 2 {
			_, err := q.Producer()
			checkIs(t, "producer of a closed ring", err, ring.ErrClosed)
		}
		c := proctest.Must(q.Consumer())(t)
		expectPop(t, c, q, 5)
		if _, err := c.TryPop(); err != ring.ErrClosed {
			t.Errorf("TryPop of the drained ring: %v", err)
		}
	})
}

// TestProducerKilled takes over from producers killed after each step of a push.
func TestProducerKilled(t *testing.T) {
	proctest.Mortal(t)
	eachRoleKind(t, func(t *testing.T, kind string, capacity int, q queue) {
		c := proctest.Must(q.Consumer())(t)
		n := uint64(0)
		for range 2*capacity + 1 {
			p := startRole(t, kind, capacity, "producer")
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
				c := startRole(t, kind, capacity, "consumer")
				c.Send("next")
				c.Expect(n)
				c.Kill()
			}
			if n%2 == 0 {
				c := startRole(t, kind, capacity, "consumer")
				c.Send("pop")
				c.Expect(n)
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
		p := startRole(t, kind, capacity, "producer")
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
