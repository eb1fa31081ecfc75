package shm_test

import (
	"context"
	"errors"
	"testing"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/internal/proctest/shared"
	"github.com/isthmus-go/isthmus/shm"
)

// account is what the lock "mu" protects: two counters that are equal, except in
// the hands of a holder.
type account struct {
	mu      *shm.Lock
	a, b    *shm.Value[int64]
	repairs *shm.Value[int64]
}

// advance adds one to both counters, after a repair if need be.
func (x account) advance() error {
	err := x.mu.LockContext(context.Background())
	defer x.mu.Unlock()
	a, b := x.a.Load(), x.b.Load()
	switch {
	case errors.Is(err, shm.ErrOwnerDied):
		if b != a && b != a-1 {
			return errors.New("a death did more damage than it could")
		}
		b = a
		shm.Add(x.repairs, 1)
		x.b.Store(b)
		x.mu.MarkConsistent()
	case err != nil:
		return err
	case a != b:
		return errors.New("the counters differ, and nobody reported a death")
	}
	x.a.Store(a + 1)
	x.b.Store(b + 1)
	return nil
}

var _ = proctest.Register("accountant", func(c *proctest.Child) {
	seg := shared.Open(c)
	x := account{
		newLock(c, seg, "mu"), shared.Value[int64](c, seg, "a"),
		shared.Value[int64](c, seg, "b"), shared.Value[int64](c, seg, "repairs"),
	}
	stop := shared.Value[bool](c, seg, "stop")
	done := make(chan bool)
	for range 2 {
		go func() {
			for !stop.Load() {
				c.Check(x.advance())
			}
			done <- true
		}()
	}
	<-done
	<-done
	c.Check(seg.Close())
})

// TestKilledAnywhere kills processes that use the lock all the time, wherever
// they are, and starts others in their place.
func TestKilledAnywhere(t *testing.T) {
	proctest.Mortal(t)
	random := proctest.Random(t)

	s := shared.Named(t)
	x := account{
		newLock(t, s.Segment, "mu"), shared.Value[int64](t, s.Segment, "a"),
		shared.Value[int64](t, s.Segment, "b"), shared.Value[int64](t, s.Segment, "repairs"),
	}
	procs := s.StartAll(t, 3, "accountant")
	for range 25 {
		goal := x.a.Load() + 1 + random.Int64N(3000)
		proctest.Until(t, "the others go on", func() bool { return x.a.Load() >= goal })
		i := random.IntN(len(procs))
		procs[i].Kill()
		procs[i] = s.Start(t, "accountant")
	}
	shared.Value[bool](t, s.Segment, "stop").Store(true)
	for _, p := range procs {
		p.Wait()
	}
	if err := x.advance(); err != nil {
		t.Error(err)
	}
	t.Logf("%d steps, %d repairs", x.a.Load(), x.repairs.Load())
}
