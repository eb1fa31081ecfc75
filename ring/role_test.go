package ring_test

import (
	"fmt"
	"testing"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/ring"
)

var roleKinds = []string{"SPSC/40B", "Bytes"}

// eachRoleKind runs a test with rings whose ends are roles.
func eachRoleKind(t *testing.T, test func(t *testing.T, kind string, capacity int, q queue)) {
	for _, kind := range roleKinds {
		for _, capacity := range []int{1, 2, 4} {
			t.Run(fmt.Sprint(kind, "/capacity ", capacity), func(t *testing.T) {
				s := newSegment(t)
				test(t, kind, capacity, newQueue(t, s, kind, "held", capacity))
			})
		}
	}
}

// TestRoleTaken claims roles that other processes and this one have, and ones
// that were given up.
func TestRoleTaken(t *testing.T) {
	eachRoleKind(t, func(t *testing.T, kind string, capacity int, q queue) {
		other := startHolder(t, kind, capacity, "producer")
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
		another := startHolder(t, kind, capacity, "consumer")
		_, err = q.Consumer()
		checkIs(t, "consumer after Detach", err, ring.ErrRoleTaken)
		do(another, "pop", 0)
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
		r, err := p.TryReserve(2)
		if err != ring.ErrFull {
			proctest.Check(t, err)
		}
		l := proctest.Must(c.TryNext())(t)
		proctest.Check(t, p.Detach())
		proctest.Check(t, c.Detach())
		checkIs(t, "Commit", r.Commit(), ring.ErrNotReserved)
		checkIs(t, "Release", l.Release(), ring.ErrNotReserved)
		_, errReserve := p.Reserve(background, 1)
		_, errPushAll := p.PushAll(background, 1, 2)
		_, errTryPop := c.TryPop()
		_, errPop := c.Pop(background)
		_, errPopInto := c.PopInto(background, 1)
		_, errNext := c.Next(background)
		for what, err := range map[string]error{
			"TryPush": p.TryPush(1), "Push": p.Push(background, 1), "PushAll": errPushAll,
			"Reserve": errReserve, "Close": p.Close(), "producer's Detach": p.Detach(),
			"TryPop": errTryPop, "Pop": errPop, "PopInto": errPopInto, "Next": errNext,
			"consumer's Detach": c.Detach(),
		} {
			checkIs(t, what, err, ring.ErrDetached)
		}
		checkIs(t, "All", onlyError(t, c.All(background)), ring.ErrDetached)
		expectPop(t, proctest.Must(q.Consumer())(t), q, l.N) // what was lent stays
	})
}
