package shm_test

import (
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/internal/proctest/shared"
	"github.com/isthmus-go/isthmus/shm"
)

// An unseverable one closes its segment while goroutines of it wait to write, where the
// kernel refuses to replace the memory.
var _ = proctest.Register("unseverable", func(c *proctest.Child) {
	seg := shared.Open(c)
	if err := proctest.RefuseBy(unix.EPERM, "mremap", "shared fixed mmap"); err != nil {
		c.Send("no sandbox:", err)
		return
	}
	table := newTable[row](c, seg, "rows", rows)
	var writers []<-chan any
	for _, i := range []int{0, 7} { // for the lock, and for a slot
		writers = append(writers,
			proctest.Go(func() any { return proctest.PanicOf(func() { table.Store(i, rowOf(9)) }) }))
	}
	writers = append(writers, proctest.Go(func() any {
		return proctest.PanicOf(func() { table.Update(6, func(row) row { return rowOf(9) }) })
	}))
	proctest.Until(c, "they wait", func() bool { return table.WritersWait(0) && table.SpareWanted(7) })
	c.Send("waits")
	c.Expect("close")
	seg.Close()
	for _, w := range writers {
		if proctest.Result(c, w) == nil {
			c.Fatalf("a write to a closed segment")
		}
	}
	c.Send("closed")
	c.Recv()
})

// TestTableUnsevered closes a segment, whose memory cannot be replaced, under those who
// wait to write: they write nothing, since they have no slot to write to.
func TestTableUnsevered(t *testing.T) {
	proctest.Mortal(t)
	proctest.MaySkip("unseverable")
	s := shared.Named(t)
	table := newTable[row](t, s.Segment, "rows", rows)
	for i := range rows {
		table.Store(i, rowOf(uint64(i)))
	}
	n := table.SpareSlots(0)
	for i := range n {
		table.StoreUpTo(shm.StepClaimed, i, row{})
	}
	p := s.Start(t, "unseverable")
	if line := p.Recv(); strings.HasPrefix(line, "no sandbox") {
		p.Wait()
		t.Skip(line)
	}
	p.Send("close")
	p.Expect("closed")
	for i := range rows {
		if r, v := table.LoadVersion(i); r != rowOf(uint64(i)) || v != 1 {
			t.Errorf("entry %d is %d, version %d", i, r[0], v)
		}
	}
	for i := range n {
		if !table.Mine(i) {
			t.Errorf("robbed of the lock of entry %d", i)
		}
		table.FinishStore(i, rowOf(5))
	}
	for i := range 8 { // the locks are free, although the process lives
		table.Store(i, rowOf(6))
	}
	p.Kill()
}
