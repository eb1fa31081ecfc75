package shm_test

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/internal/proctest/shared"
	"github.com/isthmus-go/isthmus/shm"
)

// TestTable uses tables of entries of many sizes as one uses a slice.
func TestTable(t *testing.T) {
	testTable[[1]byte](t)
	testTable[[2]byte](t)
	testTable[[7]byte](t)
	testTable[[8]byte](t)
	testTable[[9]byte](t)
	testTable[[63]byte](t)
	testTable[[64]byte](t)
	testTable[[65]byte](t)
	testTable[[200]byte](t)
}

func testTable[T [1]byte | [2]byte | [7]byte | [8]byte | [9]byte | [63]byte | [64]byte | [65]byte | [200]byte](t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	entry := func() (x T) {
		for i := range len(x) {
			x[i] = byte(random.Uint32())
		}
		return x
	}
	for _, n := range []int{1, 2, 3, 5, 6, 7, 8, 9, 15, 16, 17, 100, 10_000} {
		t.Run(fmt.Sprintf("%T,%d", *new(T), n), func(t *testing.T) {
			proctest.Dir(t)
			size := shm.TableBytes(n, uintptr(len(*new(T))))
			if bound := uint64(n) * (3*uint64(len(*new(T)))/2 + 64); n >= 6 && size > bound {
				t.Errorf("%d bytes, the bound is %d", size, bound)
			}
			seg := proctest.Must(shm.Create("tables", shm.TableSize[T](n), nil))(t)
			defer shm.Remove("tables", nil)
			defer seg.Close()
			a, b := newTable[T](t, seg, "t", n), newTable[T](t, seg, "t", n)
			if a.Len() != n {
				t.Fatalf("%d entries", a.Len())
			}
			want, versions := make([]T, n), make([]uint64, n)
			for range max(n, 1000) {
				i, x := random.IntN(n), entry()
				if random.IntN(4) == 0 {
					i = n - 1
				}
				versions[i]++
				switch random.IntN(3) {
				case 0:
					if v := a.Store(i, x); v != versions[i] {
						t.Fatalf("Store made version %d, expected %d", v, versions[i])
					}
				case 1:
					if old := a.Swap(i, x); old != want[i] {
						t.Fatalf("Swap returned %v, expected %v", old, want[i])
					}
				case 2:
					if got := a.Update(i, func(old T) T {
						if old != want[i] {
							t.Fatalf("Update gave %v, expected %v", old, want[i])
						}
						return x
					}); got != x {
						t.Fatalf("Update returned %v, expected %v", got, x)
					}
				}
				want[i] = x
				if got, v := b.LoadVersion(i); got != x || v != versions[i] {
					t.Fatalf("entry %d is %v, version %d, expected %v, version %d", i, got, v, x, versions[i])
				}
			}
			for i, x := range b.All() {
				if x != want[i] {
					t.Fatalf("entry %d is %v, expected %v", i, x, want[i])
				}
			}
			if proctest.PanicOf(func() { a.Load(n) }) == nil || proctest.PanicOf(func() { a.Store(-1, want[0]) }) == nil {
				t.Error("an index out of range does not panic")
			}
		})
	}
}

// A row is an entry whose words are all the same, unless it is torn. It is not a
// whole number of cache lines.
type row [25]uint64

func rowOf(x uint64) (r row) {
	for i := range r {
		r[i] = x
	}
	return r
}

func (r *row) torn() bool { return *r != rowOf(r[0]) }

// rows is how many rows the tests' tables have: a group of 8, and one of 9.
const rows = 17

// A row writer stores rows in all possible ways, and checks what it gets to see.
var _ = proctest.Register("row writer", func(c *proctest.Child) {
	seg := shared.Open(c)
	table := newTable[row](c, seg, "rows", rows)
	stop := shared.Value[bool](c, seg, "stop")
	check := func(r row) row {
		if r.torn() {
			c.Fatalf("torn row %x", r)
		}
		return r
	}
	for n := 0; !stop.Load(); n++ {
		i, x := rand.IntN(rows), rowOf(rand.Uint64())
		switch n % 3 {
		case 0:
			table.Store(i, x)
		case 1:
			check(table.Swap(i, x))
		case 2:
			table.Update(i, func(old row) row { check(old); return x })
		}
	}
	c.Check(seg.Close())
})

// A row reader reads rows, which have to be whole, and whose versions never go back.
var _ = proctest.Register("row reader", func(c *proctest.Child) {
	seg := shared.Open(c)
	table := newTable[row](c, seg, "rows", rows)
	stop := shared.Value[bool](c, seg, "stop")
	c.Check(readRows(table, stop.Load))
	c.Check(seg.Close())
})

func readRows(table *shm.Table[row], stop func() bool) error {
	var seen [rows]uint64
	var last [rows]row
	for !stop() {
		for i := range rows {
			r, v := table.LoadVersion(i)
			if r.torn() {
				return fmt.Errorf("torn row %x", r)
			}
			if v < seen[i] || v == seen[i] && v != 0 && r != last[i] {
				return fmt.Errorf("version %d, %x, after version %d, %x", v, r[0], seen[i], last[i][0])
			}
			seen[i], last[i] = v, r
		}
	}
	return nil
}

// TestTableNeverTorn reads rows while processes write them, and kills those wherever
// they are. The readers make progress all the time, and so do the writers.
func TestTableNeverTorn(t *testing.T) {
	proctest.Mortal(t)
	random := proctest.Random(t)
	s := shared.Named(t)
	table := newTable[row](t, s.Segment, "rows", rows)
	writers, readers := s.StartAll(t, 3, "row writer"), s.StartAll(t, 2, "row reader")
	versions := func() (sum uint64) {
		for i := range rows {
			_, v := table.LoadVersion(i)
			sum += v
		}
		return sum
	}
	for range 15 {
		goal := versions() + 1 + random.Uint64N(2000)
		if err := proctest.Result(t, proctest.Go(func() error {
			return readRows(table, func() bool { return versions() >= goal })
		})); err != nil {
			t.Fatal(err)
		}
		i := random.IntN(len(writers))
		writers[i].Kill()
		writers[i] = s.Start(t, "row writer")
	}
	shared.Value[bool](t, s.Segment, "stop").Store(true)
	for _, p := range append(writers, readers...) {
		p.Wait()
	}
	for i := range rows {
		if n := table.SpareSlots(i); n < 1 {
			t.Errorf("%d slots near entry %d are spare", n, i)
		}
	}
	t.Logf("%d writes", versions())
}

var _ = proctest.Register("row adder", func(c *proctest.Child) {
	seg := shared.Open(c)
	defer seg.Close()
	table := newTable[row](c, seg, "rows", rows)
	c.Send("ready")
	c.Expect("go")
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			for n := range rowAdds {
				table.Update(n%rows, func(r row) row { return rowOf(r[0] + 1) })
			}
		})
	}
	wg.Wait()
})

const rowAdds = 100 * rows

// TestTableAdders loses no Update, with more writers than there are spare slots.
func TestTableAdders(t *testing.T) {
	s := shared.Named(t)
	procs := s.StartAll(t, 4, "row adder")
	proctest.Together(procs)
	table := newTable[row](t, s.Segment, "rows", rows)
	for i := range rows {
		want := uint64(len(procs) * 2 * rowAdds / rows)
		if r, v := table.LoadVersion(i); r != rowOf(want) || v != want {
			t.Errorf("row %d is %d, version %d, expected %d", i, r[0], v, want)
		}
	}
}

// TestTableUpdatePanics has the function of an Update panic: nothing has happened.
func TestTableUpdatePanics(t *testing.T) {
	table := newTable[row](t, shared.Named(t).Segment, "rows", rows)
	table.Store(3, rowOf(1))
	if proctest.PanicOf(func() { table.Update(3, func(row) row { panic("on purpose") }) }) != "on purpose" {
		t.Error("Update swallows a panic")
	}
	if r, v := table.LoadVersion(3); r != rowOf(1) || v != 1 {
		t.Errorf("row is %d, version %d", r[0], v)
	}
	if v := table.Store(3, rowOf(2)); v != 2 {
		t.Errorf("version %d", v)
	}
}

// TestTableGoesRound has a writer use all spare slots before it comes back to one: that
// leaves the readers of the old ones the most time.
func TestTableGoesRound(t *testing.T) {
	table := newTable[row](t, shared.Named(t).Segment, "rows", rows)
	for _, i := range []int{0, 3, 7, 8, 16} {
		n := table.SpareSlots(i) + 1 // its own, too
		var seen []int
		for k := range 3 * n {
			seen = append(seen, table.Slot(i))
			if k >= n && seen[k] != seen[k-n] {
				t.Errorf("entry %d, with %d slots to use, had %d", i, n, seen)
				break
			}
			for _, s := range seen[max(0, k-n+1):k] {
				if s == seen[k] {
					t.Errorf("entry %d, with %d slots to use, had %d", i, n, seen)
				}
			}
			table.Store(i, rowOf(uint64(k)))
		}
	}
}
