package shm_test

import (
	"context"
	"errors"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/internal/proctest/shared"
	"github.com/isthmus-go/isthmus/shm"
)

// The helper "lock" calls the methods of the lock "mu" that it is sent, and says
// what they did: "done", "true", "false", "owner died", or what they panicked
// with.
var _ = proctest.Register("lock", func(c *proctest.Child) {
	seg := shared.Open(c)
	mu := newLock(c, seg, "mu")
	methods := map[string]func() any{
		"Lock":           func() any { mu.Lock(); return "done" },
		"TryLock":        func() any { return mu.TryLock() },
		"Unlock":         func() any { mu.Unlock(); return "done" },
		"HalfUnlock":     func() any { mu.HalfUnlock(); return "done" },
		"MarkConsistent": func() any { mu.MarkConsistent(); return "done" },
		"LockContext": func() any {
			switch err := mu.LockContext(context.Background()); {
			case errors.Is(err, shm.ErrOwnerDied):
				return "owner died"
			case err != nil:
				return err
			}
			return "done"
		},
	}
	for {
		name := c.Recv()
		if name == "end" {
			break
		}
		var answer any
		if p := proctest.PanicOf(func() { answer = methods[name]() }); p != nil {
			answer = p
		}
		c.Send(answer)
	}
	c.Check(seg.Close())
})

// call has the helper call a method.
func call(p *proctest.Proc, method string, answer any) {
	p.Send(method)
	p.Expect(answer)
}

// end ends the helper.
func end(p *proctest.Proc) {
	p.Send("end")
	p.Wait()
}
