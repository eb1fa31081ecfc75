package shm_test

import (
	"strconv"
	"testing"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/internal/proctest/shared"
	"github.com/isthmus-go/isthmus/shm"
)

var _ = proctest.Register("squarer", func(c *proctest.Child) {
	seg := shared.Open(c)
	defer seg.Close()
	shared.Value[float64](c, seg, "pi").Store(3.14)
	squares := newArray[int](c, seg, "squares", 10)
	for i := range squares.Len() {
		squares.Store(i, i*i)
	}
})

// TestChildWrites has a child write what its parent reads.
func TestChildWrites(t *testing.T) {
	shared.Each(t, func(t *testing.T, s shared.Segment) {
		s.Start(t, "squarer").Wait()
		if pi := shared.Value[float64](t, s.Segment, "pi").Load(); pi != 3.14 {
			t.Errorf("the value is %v", pi)
		}
		for i, square := range newArray[int](t, s.Segment, "squares", 10).All() {
			if square != i*i {
				t.Errorf("element %d is %d", i, square)
			}
		}
	})
}

// The arguments of an adder are how often it adds, what, and how. It waits for
// the value "start" after it has sent "ready".
var _ = proctest.Register("adder", func(c *proctest.Child) {
	seg := shared.Open(c)
	defer seg.Close()
	times, err := strconv.Atoi(c.Arg(0))
	c.Check(err)
	delta, err := strconv.ParseInt(c.Arg(1), 10, 64)
	c.Check(err)
	total := shared.Value[int64](c, seg, "total")
	mu := newLock(c, seg, "mu")
	start := shared.Value[bool](c, seg, "start")
	add := map[string]func(){
		"locked":   func() { mu.Lock(); total.Store(total.Load() + delta); mu.Unlock() },
		"unlocked": func() { total.Store(total.Load() + delta) },
		"atomic":   func() { shm.Add(total, delta) },
		"update":   func() { total.Update(func(x int64) int64 { return x + delta }) },
		"swapped": func() {
			for x := total.Load(); !total.CompareAndSwap(x, x+delta); x = total.Load() {
			}
		},
	}[c.Arg(2)]
	c.Send("ready")
	for !start.Load() {
	}
	for range times {
		add()
	}
})

// together starts one adder for each delta, lets them add at the same time, and
// returns the total.
func together(t *testing.T, s shared.Segment, times int, how string, deltas ...int) int64 {
	t.Helper()
	total := shared.Value[int64](t, s.Segment, "total")
	start := shared.Value[bool](t, s.Segment, "start")
	total.Store(0)
	start.Store(false)
	var procs []*proctest.Proc
	for _, delta := range deltas {
		procs = append(procs, s.Start(t, "adder", strconv.Itoa(times), strconv.Itoa(delta), how))
	}
	for _, p := range procs {
		p.Expect("ready")
	}
	start.Store(true)
	for _, p := range procs {
		p.Wait()
	}
	return total.Load()
}

// TestAdders lets four processes add to one value under a lock.
func TestAdders(t *testing.T) {
	shared.Each(t, func(t *testing.T, s shared.Segment) {
		if total := together(t, s, 100_000, "locked", 1, 1, 1, 1); total != 400_000 {
			t.Errorf("the total is %d", total)
		}
	})
}

// TestAtomicAdders lets them add without a lock, each time by one operation.
func TestAtomicAdders(t *testing.T) {
	s := shared.Named(t)
	for _, how := range []string{"atomic", "update", "swapped"} {
		if total := together(t, s, 20_000, how, 1, 1, 1, 1); total != 80_000 {
			t.Errorf("%s: the total is %d", how, total)
		}
	}
}

// TestAddersWithoutLock shows that the lock in TestAdders does something.
func TestAddersWithoutLock(t *testing.T) {
	s := shared.Named(t)
	const times, rounds = 100_000, 50
	for range rounds {
		if total := together(t, s, times, "unlocked", 1, 1, 1, 1); total < 4*times {
			t.Logf("%d of %d increments were lost", 4*times-total, 4*times)
			return
		}
	}
	t.Errorf("no increment was lost in %d rounds", rounds)
}

// TestAccount has one process deposit what another withdraws.
func TestAccount(t *testing.T) {
	shared.Each(t, func(t *testing.T, s shared.Segment) {
		if balance := together(t, s, 1000, "locked", +1, -1); balance != 0 {
			t.Errorf("the balance is %d", balance)
		}
	})
}
