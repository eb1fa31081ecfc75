package shm_test

import (
	"runtime"
	"runtime/debug"
	"strings"
	"testing"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/internal/proctest/shared"
	"github.com/isthmus-go/isthmus/shm"
)

const opRounds = 1000

// The helper calls every operation that does not have to wait, between marks.
var _ = proctest.Register("uncontended ops", func(c *proctest.Child) {
	debug.SetGCPercent(-1) // the collector may interrupt this thread
	runtime.LockOSThread()
	seg, err := shm.Create(shared.Name, shared.Size, nil)
	c.Check(err)
	mu := newLock(c, seg, "mu")
	rw := newRWLock(c, seg, "rw")
	v := shared.Value[int](c, seg, "value")
	w := shared.Value[[16]int](c, seg, "large")
	a := newArray[uint8](c, seg, "array", 8)
	proctest.Mark()
	for range opRounds {
		pass(mu)
		mu.TryLock()
		mu.Unlock()
		pass(rw)
		pass(rw.RLocker())
		rw.TryLock()
		rw.Unlock()
		rw.TryRLock()
		rw.TryLock()
		rw.RUnlock()
		v.Store(shm.Add(v, 1))
		w.Store(w.Load())
		a.Store(1, shm.AddAt(a, 2, 1))
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
