package liveness

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"sync/atomic"
	"testing"

	"github.com/isthmus-go/isthmus/internal/layout"
	"github.com/isthmus-go/isthmus/internal/mapping"
	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/internal/race"
)

func TestMain(m *testing.M) { proctest.Main(m) }

// tableOff is where the tests' files have the process table, behind the count of IDs.
const tableOff = layout.SlotSize

// attach attaches to the process table in the file at path, which has room for
// slots processes.
func attach(path string, slots int) (*Table, *mapping.Mapping, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, nil, err
	}
	size := tableOff + slots*layout.SlotSize
	file, err := Take(f)
	if err != nil {
		return nil, nil, err
	}
	if err := file.Truncate(int64(size)); err != nil {
		return nil, nil, errors.Join(err, file.Close())
	}
	m, err := mapping.Map(file.File, size)
	if err != nil {
		return nil, nil, errors.Join(err, file.Close())
	}
	t, err := Attach(file, layout.At[atomic.Uint64](m.Bytes(), 0), m.Bytes()[tableOff:])
	if err != nil {
		return nil, nil, errors.Join(err, m.Unmap(), file.Close())
	}
	return t, m, nil
}

func mustAttach(t *testing.T, path string, slots int) *Table {
	t.Helper()
	table, m, err := attach(path, slots)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		table.Close()
		m.Unmap()
	})
	return table
}

// eachKind runs the test with every kind of lock that the platform has.
func eachKind(t *testing.T, test func(t *testing.T)) {
	t.Run("native", test)
	t.Run("posix", func(t *testing.T) {
		withPOSIXLocks(t)
		test(t)
	})
}

func TestTable(t *testing.T) {
	eachKind(t, func(t *testing.T) {
		proctest.NoLeaks(t)
		path := filepath.Join(t.TempDir(), "table")
		a := mustAttach(t, path, 3)
		b := mustAttach(t, path, 3)
		if a.Slot() != 0 || b.Slot() != 1 || a.ID() != 1 || b.ID() != 2 {
			t.Errorf("slots are %d and %d, IDs %d and %d", a.Slot(), b.Slot(), a.ID(), b.ID())
		}
		for _, table := range []*Table{a, b} {
			if table.Dead(a.ID()) || table.Dead(b.ID()) {
				t.Error("an attached table looks dead")
			}
			for _, x := range []*Table{a, b} {
				if table.DeadIn(x.Slot(), x.ID()) || table.SlotFree(x.Slot()) {
					t.Errorf("slot %d looks free, or its owner dead", x.Slot())
				}
			}
			for _, slot := range []int{2, 3, 1000} {
				if !table.SlotFree(slot) {
					t.Errorf("slot %d, which nobody has, is not free", slot)
				}
			}
			for _, id := range []ID{0, 3, maxID, maxID + 1, ^ID(0)} {
				if !table.Dead(id) {
					t.Errorf("%#x, which is nobody's, looks alive", id)
				}
			}
		}

		dead := a.ID()
		if err := a.Close(); err != nil {
			t.Fatal(err)
		}
		if !b.SlotFree(a.Slot()) || !b.DeadIn(a.Slot(), dead) {
			t.Error("after a.Close, its slot is not free, or its owner not dead in it")
		}
		if !b.Dead(dead) || b.Dead(b.ID()) {
			t.Error("after a.Close, a looks alive, or b dead")
		}
		c := mustAttach(t, path, 3)
		if c.Slot() != a.Slot() || c.ID() != 3 {
			t.Errorf("the successor of %d in slot %d is %d in slot %d", dead, a.Slot(), c.ID(), c.Slot())
		}
		if !b.Dead(dead) || b.Dead(c.ID()) || c.Dead(b.ID()) {
			t.Error("with the slot taken again, the dead one looks alive, or a live one dead")
		}
	})
}

// TestNewcomer probes an owner while it takes a slot from a dead one, whose pid is
// still there.
func TestNewcomer(t *testing.T) {
	path := filepath.Join(t.TempDir(), "table")
	a, b := mustAttach(t, path, 2), mustAttach(t, path, 2)
	pid := layout.At[atomic.Uint32](a.mem, uint64(b.slot*layout.SlotSize+offPID))
	mine := pid.Load()
	for range proctest.Scaled(5000) {
		a.word(b.slot, offProcess).Store(uint64(a.id)) // as an earlier owner's
		pid.Store(nobody)
		dead := make(chan bool)
		go func() {
			looks := false
			for range 200 {
				looks = looks || a.inherited(b.slot, b.id)
			}
			dead <- looks
		}()
		for range 20 {
			runtime.Gosched()
		}
		pid.Store(mine)
		a.word(b.slot, offProcess).Store(uint64(b.id))
		if <-dead {
			t.Fatal("it looks dead")
		}
	}
}

// TestHeir probes somebody dead, whose lock a child has inherited, while another takes
// the slot: it stays dead.
func TestHeir(t *testing.T) {
	if pidNamespace() == 0 {
		t.Skip("/proc/self/ns/pid cannot be read, or there is none")
	}
	path := filepath.Join(t.TempDir(), "table")
	a, b, c := mustAttach(t, path, 3), mustAttach(t, path, 3), mustAttach(t, path, 3)
	dead := c.id // its lock is held
	owner, process := a.word(b.slot, offID), a.word(b.slot, offProcess)
	pid := layout.At[atomic.Uint32](a.mem, uint64(b.slot*layout.SlotSize+offPID))
	mine := pid.Load()
	for range proctest.Scaled(5000) {
		process.Store(uint64(dead))
		pid.Store(nobody)
		owner.Store(uint64(dead))
		alive := make(chan bool)
		go func() {
			looks := false
			for range 20 {
				looks = looks || !a.DeadIn(b.slot, dead)
			}
			alive <- looks
		}()
		runtime.Gosched()
		owner.Store(uint64(b.id)) // which has found out, too
		pid.Store(mine)
		process.Store(uint64(b.id))
		if <-alive {
			t.Fatal("it looks alive")
		}
	}
}

// nobody is a pid that no process has.
const nobody = 1<<22 + 1

func TestFull(t *testing.T) {
	eachKind(t, func(t *testing.T) {
		proctest.NoLeaks(t)
		path := filepath.Join(t.TempDir(), "table")
		a := mustAttach(t, path, 2)
		b := mustAttach(t, path, 2)
		if _, _, err := attach(path, 2); !errors.Is(err, ErrFull) {
			t.Errorf("third attachment to two slots: %v", err)
		}
		if a.Dead(b.ID()) || b.Dead(a.ID()) {
			t.Error("a failed attachment has taken the others' locks with it")
		}
	})
}

// TestIDsEnd uses the last IDs up: then nobody can attach, and none comes again.
func TestIDsEnd(t *testing.T) {
	eachKind(t, func(t *testing.T) {
		proctest.NoLeaks(t)
		path := filepath.Join(t.TempDir(), "table")
		a, m, err := attach(path, 3)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { a.Close(); m.Unmap() }()
		count := layout.At[atomic.Uint64](m.Bytes(), 0)
		count.Store(maxID - 1)
		if b := mustAttach(t, path, 3); b.ID() != maxID || a.Dead(b.ID()) || b.Dead(a.ID()) {
			t.Errorf("the last ID is %#x, or somebody looks dead", b.ID())
		}
		for _, n := range []uint64{maxID, maxID + 1, 1<<64 - 1} {
			count.Store(n)
			if _, _, err := attach(path, 3); !errors.Is(err, ErrFull) || count.Load() != n {
				t.Errorf("attach when %d IDs were drawn: %v, and then %d were", n, err, count.Load())
			}
		}
	})
}

func TestProbeAllocates(t *testing.T) {
	if race.Enabled {
		t.Skip("under the race detector a sync.Pool drops what it is given")
	}
	path := filepath.Join(t.TempDir(), "table")
	a, b := mustAttach(t, path, 2), mustAttach(t, path, 2)
	if n := testing.AllocsPerRun(100, func() { a.Dead(b.ID()) }); n != 0 && runtime.GOOS == "linux" {
		t.Errorf("a probe allocates %v times", n)
	}
}
