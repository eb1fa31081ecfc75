package shm_test

import (
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/internal/proctest/shared"
	"github.com/isthmus-go/isthmus/shm"
)

// The arguments of a stepping row writer are a step, and an entry.
var _ = proctest.Register("stepping row writer", func(c *proctest.Child) {
	seg := shared.Open(c)
	table := newTable[row](c, seg, "rows", rows)
	i, err := strconv.Atoi(c.Arg(1))
	c.Check(err)
	x := rowOf(2)
	if c.Arg(0) == shm.StepWritten {
		x[len(x)/2] = 3 // what it had not got to
	}
	table.StoreUpTo(c.Arg(0), i, x)
	c.Send("there")
	c.Recv()
})

// TestTableKilledInStore kills a writer between the steps of a Store. Nobody sees half
// of it, readers and the writers of other entries do not even wait, and the next
// writer of the entry goes on.
func TestTableKilledInStore(t *testing.T) {
	proctest.Mortal(t)
	for _, test := range []struct {
		step string
		want uint64
	}{
		{shm.StepLocked, 1},
		{shm.StepClaimed, 1},
		{shm.StepWritten, 1},
		{shm.StepPublished, 2},
	} {
		t.Run(test.step, func(t *testing.T) {
			s := shared.Named(t)
			table := newTable[row](t, s.Segment, "rows", rows)
			table.Store(3, rowOf(1))
			spare := table.SpareSlots(3)
			p := s.Start(t, "stepping row writer", test.step, "3")
			p.Expect("there")
			p.Stop()
			if got, v := table.LoadVersion(3); got != rowOf(test.want) || v != test.want {
				t.Errorf("while the writer stands still, the row is %d, version %d, expected %d", got[0], v, test.want)
			}
			proctest.Result(t, proctest.Go(func() any {
				for i := range rows {
					if i != 3 {
						for range 100 {
							table.Store(i, rowOf(1))
						}
					}
				}
				return nil
			}))
			old := proctest.Go(func() row { return table.Swap(3, rowOf(4)) })
			proctest.Until(t, "the next writer waits", func() bool { return table.WritersWait(3) })
			start := time.Now()
			p.Kill()
			if got := proctest.Result(t, old); got != rowOf(test.want) {
				t.Errorf("the row before was %d, expected %d", got[0], test.want)
			}
			proctest.Prompt(t, "written", start)
			if got, v := table.LoadVersion(3); got != rowOf(4) || v != test.want+1 {
				t.Errorf("the row is %d, version %d", got[0], v)
			}
			if n := table.SpareSlots(3); n != spare {
				t.Errorf("%d slots are spare, %d were", n, spare)
			}
		})
	}
}

// TestTableSlotsOfTheDead has writers of one group stand still with all its spare
// slots. The next one waits as long as they are paused, and takes a slot over when
// one is dead, although nobody writes that one's entry.
func TestTableSlotsOfTheDead(t *testing.T) {
	proctest.Mortal(t)
	s := shared.Named(t)
	table := newTable[row](t, s.Segment, "rows", rows)
	var procs []*proctest.Proc
	for i := range table.SpareSlots(0) {
		p := s.Start(t, "stepping row writer", shm.StepWritten, strconv.Itoa(i))
		p.Expect("there")
		p.Stop()
		procs = append(procs, p)
	}
	if n := table.SpareSlots(0); n != 0 {
		t.Fatalf("%d slots are spare", n)
	}
	stored := proctest.Go(func() uint64 { return table.Store(7, rowOf(7)) })
	proctest.Until(t, "the writer waits", func() bool { return table.SpareWanted(7) })
	table.Store(8, rowOf(8)) // of another group
	select {
	case <-stored:
		t.Fatal("Store robbed a paused writer")
	case <-time.After(100 * time.Millisecond):
	}
	start := time.Now()
	procs[1].Kill()
	if v := proctest.Result(t, stored); v != 1 {
		t.Errorf("version %d", v)
	}
	proctest.Prompt(t, "written", start)
	for _, p := range procs {
		p.Kill()
	}
	for range 3 {
		for i := range 8 {
			table.Store(i, rowOf(9))
		}
	}
	if n := table.SpareSlots(0); n != len(procs) {
		t.Errorf("%d slots are spare, expected %d", n, len(procs))
	}
}

// TestTableSpareSlotWakes has a writer sleep for a spare slot until another one has
// ended its write.
func TestTableSpareSlotWakes(t *testing.T) {
	s := shared.Named(t)
	table, other := newTable[row](t, s.Segment, "rows", rows), newTable[row](t, s.Another(t), "rows", rows)
	for n := uint64(1); n <= 20; n++ {
		writers := table.SpareSlots(0)
		for i := range writers {
			other.StoreUpTo(shm.StepClaimed, i, row{})
		}
		stored := proctest.Go(func() uint64 { return table.Store(7, rowOf(n)) })
		proctest.Until(t, "the writer sleeps", func() bool { return table.SpareWanted(7) })
		other.FinishStore(0, rowOf(n))
		if v := proctest.Result(t, stored); v != n {
			t.Fatalf("version %d, expected %d", v, n)
		}
		for i := 1; i < writers; i++ {
			other.FinishStore(i, rowOf(n))
		}
	}
	for i := range 4 {
		if r, v := table.LoadVersion(i); r != rowOf(20) || v != 20 {
			t.Errorf("entry %d is %d, version %d", i, r[0], v)
		}
	}
}

// TestTableInsideUpdate has writers of one group die with all its spare slots. Their
// heirs, in the middle of an Update, write other entries of the group: no heir keeps
// what the dead have left.
func TestTableInsideUpdate(t *testing.T) {
	proctest.Mortal(t)
	s := shared.Named(t)
	table := newTable[row](t, s.Segment, "rows", rows)
	dead := table.SpareSlots(0)
	for i := range dead {
		p := s.Start(t, "stepping row writer", shm.StepWritten, strconv.Itoa(i))
		p.Expect("there")
		p.Kill()
	}
	var inside sync.WaitGroup
	inside.Add(dead)
	ended := proctest.Go(func() any {
		var heirs sync.WaitGroup
		for i := range dead {
			heirs.Go(func() {
				table.Update(i, func(row) row {
					inside.Done()
					inside.Wait()
					table.Store(dead+i, rowOf(5))
					return rowOf(6)
				})
			})
		}
		heirs.Wait()
		return nil
	})
	proctest.Result(t, ended)
	for i := range dead {
		if a, b := table.Load(i), table.Load(dead+i); a != rowOf(6) || b != rowOf(5) {
			t.Errorf("entries %d and %d are %d and %d", i, dead+i, a[0], b[0])
		}
	}
	if n := table.SpareSlots(0); n != dead {
		t.Errorf("%d slots are spare, expected %d", n, dead)
	}
}

// TestTableFreesAnySlot has writers die with each of the slots that they may claim: the
// next writer of the entry makes it spare.
func TestTableFreesAnySlot(t *testing.T) {
	proctest.Mortal(t)
	s := shared.Named(t)
	table := newTable[row](t, s.Segment, "rows", rows)
	for _, i := range []int{0, 7, 8, 16} {
		spare := table.SpareSlots(i)
		for range spare + 1 { // its own comes last
			dying := s.Another(t)
			newTable[row](t, dying, "rows", rows).StoreUpTo(shm.StepClaimed, i, row{})
			if err := dying.Close(); err != nil {
				t.Fatal(err)
			}
			if n := table.SpareSlots(i); n != spare-1 {
				t.Fatalf("near entry %d, %d slots are spare, expected %d", i, n, spare-1)
			}
			table.Update(i, func(r row) row {
				if n := table.SpareSlots(i); n != spare {
					t.Errorf("near entry %d, %d slots are spare for the heir, expected %d", i, n, spare)
				}
				return r
			})
		}
	}
}

// TestTableInTurn stops a process that is to write an entry next: nobody goes ahead of it.
func TestTableInTurn(t *testing.T) {
	proctest.Mortal(t)
	s := shared.Named(t)
	table := newTable[row](t, s.Segment, "rows", rows)
	table.StoreUpTo(shm.StepClaimed, 3, row{})
	p := s.Start(t, "stepping row writer", shm.StepLocked, "3")
	proctest.Until(t, "the writer is hungry", func() bool { return table.WritersBarred(3) })
	p.Stop()
	table.FinishStore(3, rowOf(1))
	if table.TryLock(3) {
		t.Fatal("went ahead of a writer that is to be served first")
	}
	p.Continue()
	p.Expect("there")
	p.Kill()
}
