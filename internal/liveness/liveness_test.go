package liveness

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"testing"

	"github.com/isthmus-go/isthmus/internal/layout"
	"github.com/isthmus-go/isthmus/internal/mapping"
	"github.com/isthmus-go/isthmus/internal/proctest"
)

func TestMain(m *testing.M) { proctest.Main(m) }

// attach attaches to the process table in the file at path, which has room for
// slots processes.
func attach(path string, slots int) (*Table, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	size := slots * layout.SlotSize
	file, err := Take(f)
	if err != nil {
		return nil, err
	}
	if err := file.Truncate(int64(size)); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	m, err := mapping.Map(file.File, size)
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	t, err := Attach(file, m.Bytes())
	if err != nil {
		return nil, errors.Join(err, m.Unmap(), file.Close())
	}
	return t, nil
}

func mustAttach(t *testing.T, path string, slots int) *Table {
	t.Helper()
	table, err := attach(path, slots)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { table.Close() })
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
		if _, err := attach(path, 2); !errors.Is(err, ErrFull) {
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

func TestCreationLock(t *testing.T) {
	eachKind(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "table")
		a := mustAttach(t, path, 2)
		b := mustAttach(t, path, 2)
		done := make(chan error)
		for _, table := range []*Table{a, a, b, b} {
			go func() {
				for range 50 {
					err := table.WithCreationLock(func() error {
						rounds := layout.Word(table.mem, offReserved)
						n := rounds.Load()
						runtime.Gosched()
						rounds.Store(n + 1)
						return nil
					})
					if err != nil {
						done <- err
						return
					}
				}
				done <- nil
			}()
		}
		for range 4 {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
		if n := layout.Word(a.mem, offReserved).Load(); n != 200 {
			t.Errorf("%d of 200 rounds counted", n)
		}

		if err := a.Close(); err != nil {
			t.Fatal(err)
		}
		if err := a.WithCreationLock(func() error { return nil }); err == nil {
			t.Error("creation lock of a closed table")
		}
		if err := b.WithCreationLock(func() error { return nil }); err != nil {
			t.Error(err)
		}
	})
}

// offReserved is a word of slot 0 for tests to use.
const offReserved = 8

var _ = proctest.Register("attached", func(c *proctest.Child) {
	if c.Arg(1) == "posix" {
		usePOSIXLocks()
	}
	t, err := attach(c.Arg(0), 4)
	c.Check(err)
	switch c.Arg(2) {
	case "slot":
		c.Send("id", uint32(t.ID()))
		c.Recv()
	case "creation":
		c.Check(t.WithCreationLock(func() error {
			c.Send("id", uint32(t.ID()))
			c.Recv()
			layout.Word(t.mem, offReserved).Store(1)
			return nil
		}))
		c.Recv()
	}
})

func receiveID(t *testing.T, p *proctest.Proc) ID {
	t.Helper()
	line := p.Recv()
	n, err := strconv.ParseUint(line[len("id "):], 10, 32)
	if err != nil {
		t.Fatal(err)
	}
	return ID(n)
}

func TestKilledOwner(t *testing.T) {
	eachKind(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "table")
		p := proctest.Start(t, "attached", path, filepath.Base(t.Name()), "slot")
		id := receiveID(t, p)
		a := mustAttach(t, path, 4)
		if a.Dead(id) || a.ID().Slot() == id.Slot() {
			t.Fatalf("%#x of another process looks dead, or its slot free", id)
		}
		p.Kill()
		if !a.Dead(id) {
			t.Error("the owner was killed and looks alive")
		}
		b := mustAttach(t, path, 4)
		if b.ID().Slot() != id.Slot() || b.ID() == id || !a.Dead(id) {
			t.Errorf("the successor of %#x is %#x", id, b.ID())
		}
	})
}

func TestKilledCreator(t *testing.T) {
	eachKind(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "table")
		a := mustAttach(t, path, 4)
		p := proctest.Start(t, "attached", path, filepath.Base(t.Name()), "creation")
		receiveID(t, p)
		entered := make(chan error)
		go func() { entered <- a.WithCreationLock(func() error { return nil }) }()
		if held, err := a.locks.held(creationByte); !held || err != nil {
			t.Errorf("creation lock: held %v, %v", held, err)
		}
		p.Kill()
		if err := <-entered; err != nil {
			t.Error(err)
		}
	})
}

func TestCreationLockExcludesProcesses(t *testing.T) {
	eachKind(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "table")
		a := mustAttach(t, path, 4)
		p := proctest.Start(t, "attached", path, filepath.Base(t.Name()), "creation")
		receiveID(t, p)
		entered := make(chan error)
		go func() {
			entered <- a.WithCreationLock(func() error {
				if layout.Word(a.mem, offReserved).Load() == 0 {
					return errors.New("two processes have the creation lock")
				}
				return nil
			})
		}()
		p.Send("leave")
		if err := <-entered; err != nil {
			t.Error(err)
		}
		p.Send("end")
		p.Wait()
	})
}

func TestDraftLock(t *testing.T) {
	eachKind(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "draft")
		take := func() *File {
			f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
			if err != nil {
				t.Fatal(err)
			}
			file, err := Take(f)
			if err != nil {
				t.Fatal(err)
			}
			return file
		}
		a, b := take(), take()
		if ok, err := a.TryDraft(); !ok || err != nil {
			t.Errorf("first TryDraft: %v, %v", ok, err)
		}
		if ok, err := b.TryDraft(); ok || err != nil {
			t.Errorf("second TryDraft: %v, %v", ok, err)
		}
		a.Close()
		if ok, err := b.TryDraft(); !ok || err != nil {
			t.Errorf("TryDraft after Close: %v, %v", ok, err)
		}
		b.Close()
	})
}
