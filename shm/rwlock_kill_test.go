package shm_test

import (
	"context"
	"errors"
	"runtime"
	"testing"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/internal/proctest/shared"
	"github.com/isthmus-go/isthmus/shm"
)

// rwAccount is what the lock "rw" protects: two counters that are equal, except in the
// hands of a writer.
type rwAccount struct {
	l             *shm.RWLock
	a, b          *shm.Value[int64]
	reads, deaths *shm.Value[int64]
}

func newRWAccount(t proctest.Fataler, seg *shm.Segment) rwAccount {
	v := func(name string) *shm.Value[int64] { return shared.Value[int64](t, seg, name) }
	return rwAccount{newRWLock(t, seg, "rw"), v("a"), v("b"), v("reads"), v("deaths")}
}

// advance adds one to both counters, after a repair if need be.
func (x rwAccount) advance() error {
	err := x.l.LockContext(context.Background())
	defer x.l.Unlock()
	a, b := x.a.Load(), x.b.Load()
	switch {
	case errors.Is(err, shm.ErrOwnerDied):
		if b != a && b != a-1 {
			return errors.New("a death did more damage than it could")
		}
		b = a
		shm.Add(x.deaths, 1)
		x.b.Store(b)
		x.l.MarkConsistent()
	case err != nil:
		return err
	case a != b:
		return errors.New("the counters differ, and nobody reported a death")
	}
	x.a.Store(a + 1)
	for range 20 { // a good place to die
		runtime.Gosched()
	}
	x.b.Store(b + 1)
	return nil
}

// audit compares the counters.
func (x rwAccount) audit() error {
	err := x.l.RLockContext(context.Background())
	defer x.l.RUnlock()
	died := errors.Is(err, shm.ErrOwnerDied)
	if err != nil && !died {
		return err
	}
	a, b := x.a.Load(), x.b.Load()
	if !died && a != b {
		return errors.New("the counters differ for a reader, and nobody reported a death")
	}
	if a != x.a.Load() || b != x.b.Load() {
		return errors.New("the counters change under a reader")
	}
	shm.Add(x.reads, 1)
	return nil
}

var _ = proctest.Register("rw accountant", func(c *proctest.Child) {
	seg := shared.Open(c)
	x := newRWAccount(c, seg)
	stop := shared.Value[bool](c, seg, "stop")
	done := make(chan bool)
	uses := []func() error{x.advance, x.audit, x.audit}
	for _, use := range uses {
		go func() {
			for !stop.Load() {
				c.Check(use())
				runtime.Gosched() // readers that never leave would be all that runs
			}
			done <- true
		}()
	}
	for range uses {
		<-done
	}
	c.Check(seg.Close())
})

// TestRWKilledAnywhere kills processes that use the lock all the time, wherever they are,
// and starts others in their place. Writers and readers both go on.
func TestRWKilledAnywhere(t *testing.T) {
	proctest.Mortal(t)
	random := proctest.Random(t)
	s := shared.Named(t)
	x := newRWAccount(t, s.Segment)
	procs := s.StartAll(t, 3, "rw accountant")
	for range 25 {
		goal, reads := x.a.Load()+1+random.Int64N(100), x.reads.Load()
		proctest.Until(t, "the others go on", func() bool { return x.a.Load() >= goal && x.reads.Load() > reads })
		i := random.IntN(len(procs))
		procs[i].Kill()
		procs[i] = s.Start(t, "rw accountant")
	}
	shared.Value[bool](t, s.Segment, "stop").Store(true)
	for _, p := range procs {
		p.Wait()
	}
	if err := x.advance(); err != nil {
		t.Error(err)
	}
	t.Logf("%d steps, %d reads, %d deaths", x.a.Load(), x.reads.Load(), x.deaths.Load())
}
