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

var _ = proctest.Register("uncontended sync", func(c *proctest.Child) {
	debug.SetGCPercent(-1) // the collector may interrupt this thread
	runtime.LockOSThread()
	seg, err := shm.Create(shared.Name, shared.Size, nil)
	c.Check(err)
	ops := uncontended(c, seg)
	proctest.Mark()
	for range opRounds {
		for _, op := range ops {
			op()
		}
	}
	proctest.Mark()
	c.Check(seg.Close())
	c.Check(shm.Remove(shared.Name, nil))
})

func TestSyncNoSystemCall(t *testing.T) {
	if calls := proctest.CallsBetweenMarks(t, "uncontended sync"); len(calls) > opRounds/100 {
		t.Errorf("uncontended operations made %d system calls, beginning with\n%s", len(calls), strings.Join(calls[:10], "\n"))
	}
}
