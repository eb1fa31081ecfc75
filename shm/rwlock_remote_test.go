package shm_test

import (
	"context"
	"errors"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/internal/proctest/shared"
	"github.com/isthmus-go/isthmus/shm"
)

// The helper "rwlock" calls the methods of the lock "rw" that it is sent, and says what
// they did, as the helper "lock" does.
var _ = proctest.Register("rwlock", func(c *proctest.Child) {
	seg := shared.Open(c)
	l := newRWLock(c, seg, "rw")
	methods := rwMethods(l)
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

func rwMethods(l *shm.RWLock) map[string]func() any {
	plain := func(f func()) func() any { return func() any { f(); return "done" } }
	told := func(err error) any {
		switch {
		case errors.Is(err, shm.ErrOwnerDied):
			return "owner died"
		case err != nil:
			return err
		}
		return "done"
	}
	return map[string]func() any{
		"Lock":           plain(l.Lock),
		"TryLock":        func() any { return l.TryLock() },
		"LockContext":    func() any { return told(l.LockContext(context.Background())) },
		"Unlock":         plain(l.Unlock),
		"Leave":          plain(l.Leave),
		"HalfUnlock":     plain(l.HalfUnlock),
		"MarkConsistent": plain(l.MarkConsistent),
		"RLock":          plain(l.RLock),
		"BeginRLock":     plain(l.BeginRLock),
		"TryRLock":       func() any { return l.TryRLock() },
		"RLockContext":   func() any { return told(l.RLockContext(context.Background())) },
		"RUnlock":        plain(l.RUnlock),
		"HalfRUnlock":    plain(l.HalfRUnlock),
	}
}
