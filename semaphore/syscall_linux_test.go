package semaphore_test

import (
	"context"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/internal/proctest/shared"
	"github.com/isthmus-go/isthmus/semaphore"
	"github.com/isthmus-go/isthmus/shm"
)

const opRounds = 1000

// The helper calls every operation that does not have to wait, between marks.
var _ = proctest.Register("uncontended ops", func(c *proctest.Child) {
	debug.SetGCPercent(-1) // the collector may interrupt this thread
	runtime.LockOSThread()
	seg, err := shm.Create(shared.Name, shared.Size, nil)
	c.Check(err)
	sem := newSemaphore(c, seg, 3, nil)
	signals, err := semaphore.New(seg, signalling, 0, &semaphore.Options{Signalling: true})
	c.Check(err)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	proctest.Mark()
	for range opRounds {
		sem.Acquire(ctx, 1)
		sem.TryAcquire(2)
		sem.Release(3)
		signals.Release(1)
		signals.Acquire(ctx, 1)
	}
	proctest.Mark()
	c.Check(seg.Close())
	c.Check(shm.Remove(shared.Name, nil))
})

// TestNoSystemCall lets pass the few calls that the runtime may make meanwhile: an
// operation that made one would make it each time.
func TestNoSystemCall(t *testing.T) {
	if calls := proctest.CallsBetweenMarks(t, "uncontended ops"); len(calls) > opRounds/100 {
		t.Errorf("uncontended operations made %d system calls, beginning with\n%s", len(calls), strings.Join(calls[:10], "\n"))
	}
}
