package shm_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/internal/proctest/shared"
	"github.com/isthmus-go/isthmus/shm"
)

func newRecursiveLock(t proctest.Fataler, seg *shm.Segment, name string) *shm.RecursiveLock {
	t.Helper()
	return proctest.Must(shm.NewRecursiveLock(seg, name))(t)
}

// The helper "recursive" calls the methods of the lock "r" that it is sent, with a token, and
// says what they did: "done", "owner died", what they return, or what they panicked with.
var _ = proctest.Register("recursive", func(c *proctest.Child) {
	seg := shared.Open(c)
	l := newRecursiveLock(c, seg, "r")
	for {
		var method string
		var token uint32
		if _, err := fmt.Sscanln(c.Recv(), &method, &token); err != nil {
			c.Fatalf("%v", err)
		}
		var answer any = "done"
		p := proctest.PanicOf(func() {
			switch method {
			case "Lock":
				l.Lock(token)
			case "TryLock":
				answer = l.TryLock(token)
			case "LockContext":
				answer = lockRecursive(l, token)
			case "Unlock":
				l.Unlock(token)
			case "HalfUnlock":
				l.HalfUnlock()
			case "MarkConsistent":
				l.MarkConsistent(token)
			case "Count":
				answer = l.Count(token)
			}
		})
		if method == "end" {
			break
		}
		if p != nil {
			answer = p
		}
		c.Send(answer)
	}
	c.Check(seg.Close())
})

// lockRecursive locks, and says what came of it.
func lockRecursive(l *shm.RecursiveLock, token uint32) any {
	switch err := l.LockContext(context.Background(), token); {
	case errors.Is(err, shm.ErrOwnerDied):
		return "owner died"
	case err != nil:
		return err
	}
	return "done"
}

// recursiveStep is a method that a helper calls, and its answer.
type recursiveStep struct {
	method string
	token  uint32
	answer any
}

func (s recursiveStep) by(t *testing.T, p *proctest.Proc) {
	t.Helper()
	p.Send(s.method, s.token)
	p.Expect(s.answer)
}

// endRecursive ends the helper.
func endRecursive(p *proctest.Proc) {
	p.Send("end", 0)
	p.Wait()
}
