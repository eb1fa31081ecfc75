package liveness

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/isthmus-go/isthmus/internal/layout"
	"github.com/isthmus-go/isthmus/internal/mapping"
	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/internal/race"
)

func TestMain(m *testing.M) { proctest.Main(m) }

// attach attaches to the process table in the file at path, which has room for
// slots processes.
func attach(path string, slots int) (*Table, *mapping.Mapping, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, nil, err
	}
	size := slots * layout.SlotSize
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
	t, err := Attach(file, m.Bytes())
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

func TestID(t *testing.T) {
	for _, test := range []struct {
		slot       int
		generation uint32
	}{{0, 1}, {MaxSlots - 1, maxGeneration}, {5, 77}} {
		id := NewID(test.slot, test.generation)
		if id == 0 || id>>IDBits != 0 || id.Slot() != test.slot || id.Generation() != test.generation {
			t.Errorf("NewID(%d, %d) = %#x: slot %d, generation %d", test.slot, test.generation, id, id.Slot(), id.Generation())
		}
	}
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
		if a.ID().Slot() != 0 || b.ID().Slot() != 1 {
			t.Errorf("slots are %d and %d", a.ID().Slot(), b.ID().Slot())
		}
		for _, table := range []*Table{a, b} {
			if table.Dead(a.ID()) || table.Dead(b.ID()) {
				t.Error("an attached table looks dead")
			}
			for _, id := range []ID{0, NewID(2, 0), NewID(2, 1), NewID(3, 1), NewID(MaxSlots-1, maxGeneration), NewID(0, a.ID().Generation()+1), ^ID(0)} {
				if !table.Dead(id) {
					t.Errorf("%#x, which is nobody's, looks alive", id)
				}
			}
		}

		dead := a.ID()
		if err := a.Close(); err != nil {
			t.Fatal(err)
		}
		if !b.Dead(dead) || b.Dead(b.ID()) {
			t.Error("after a.Close, a looks alive, or b dead")
		}
		c := mustAttach(t, path, 3)
		if c.ID().Slot() != dead.Slot() || c.ID() == dead {
			t.Errorf("the successor of %#x is %#x", dead, c.ID())
		}
		if !b.Dead(dead) || b.Dead(c.ID()) || c.Dead(b.ID()) {
			t.Error("with the slot taken again, the dead one looks alive, or a live one dead")
		}
	})
}

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

// TestGenerationWraps checks that no generation is 0 or has more bits than fit.
func TestGenerationWraps(t *testing.T) {
	path := filepath.Join(t.TempDir(), "table")
	a := mustAttach(t, path, 1)
	for _, test := range [][2]uint32{
		{0, 1}, {1, 2}, {maxGeneration - 1, maxGeneration}, {maxGeneration, 1},
		{maxGeneration + 1, 1}, {1<<32 - 1, 1},
	} {
		layout.Word(a.mem, offGeneration).Store(test[0])
		if got := a.raise(0); got != test[1] {
			t.Errorf("generation %d is followed by %d, want %d", test[0], got, test[1])
		}
	}
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
