package liveness

import (
	"errors"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"testing"

	"github.com/isthmus-go/isthmus/internal/layout"
	"github.com/isthmus-go/isthmus/internal/proctest"
)

// offReserved is a word of slot 0 for tests to use.
const offReserved = 56

var _ = proctest.Register("attached", func(c *proctest.Child) {
	if c.Arg(1) == "posix" {
		usePOSIXLocks()
	}
	t, _, err := attach(c.Arg(0), 4)
	c.Check(err)
	switch c.Arg(2) {
	case "slot":
		c.Send("id", uint64(t.ID()))
		c.Recv()
	case "creation":
		c.Check(t.WithCreationLock(func() error {
			c.Send("id", uint64(t.ID()))
			c.Recv()
			layout.At[atomic.Uint32](t.mem, offReserved).Store(1)
			return nil
		}))
		c.Recv()
	}
})

func receiveID(t *testing.T, p *proctest.Proc) ID {
	t.Helper()
	line := p.Recv()
	n, err := strconv.ParseUint(line[len("id "):], 10, 64)
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
		if a.Dead(id) || a.Slot() == 0 {
			t.Fatalf("%#x of another process looks dead, or its slot free", id)
		}
		p.Kill()
		if !a.Dead(id) {
			t.Error("the owner was killed and looks alive")
		}
		b := mustAttach(t, path, 4)
		if b.Slot() != 0 || b.ID() == id || !a.Dead(id) {
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
				if layout.At[atomic.Uint32](a.mem, offReserved).Load() == 0 {
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
