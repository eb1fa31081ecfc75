package liveness

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/isthmus-go/isthmus/internal/proctest"
)

func take(t proctest.Fataler, path string, flag int) *File {
	t.Helper()
	f := proctest.Must(os.OpenFile(path, flag, 0o600))(t)
	return proctest.Must(Take(f))(t)
}

var _ = proctest.Register("gated", func(c *proctest.Child) {
	if c.Arg(1) == "posix" {
		usePOSIXLocks()
	}
	f := take(c, c.Arg(0), os.O_RDWR)
	defer f.Close()
	c.Check(f.Enter())
	c.Send("in")
	for c.Recv() == "try" {
		c.Check(f.Entered())
		c.Send(proctest.Must(f.CloseGate())(c))
		c.Recv()
		c.Check(f.locks.unlock(gateByte))
		c.Check(f.Enter())
		c.Send("in")
	}
})

// TestGate has Files of one process and of two pass the gate, and close it.
func TestGate(t *testing.T) {
	eachKind(t, func(t *testing.T) {
		proctest.NoLeaks(t)
		path := filepath.Join(t.TempDir(), "table")
		a, b, c := take(t, path, os.O_RDWR|os.O_CREATE), take(t, path, os.O_RDWR), take(t, path, os.O_RDWR)
		defer a.Close()
		want := func(who *File, want bool) {
			t.Helper()
			if ok, err := who.CloseGate(); err != nil || ok != want {
				t.Errorf("closed the gate: %v, %v", ok, err)
			}
		}
		proctest.Check(t, a.Enter())
		proctest.Check(t, b.Enter())
		want(c, false)
		proctest.Check(t, a.Entered())
		want(c, false)
		p := proctest.Start(t, "gated", path, filepath.Base(t.Name()))
		p.Expect("in")
		proctest.Check(t, b.Close()) // with its share
		want(c, false)
		p.Send("try")
		p.Expect(true)
		want(c, false)
		entered := proctest.Go(a.Enter)
		p.Send("open")
		p.Expect("in")
		proctest.Check(t, proctest.Result(t, entered))
		want(c, false)
		proctest.Check(t, a.Entered())
		want(c, false)
		p.Kill()
		want(c, true)
		entered = proctest.Go(a.Enter)
		proctest.Check(t, c.Close())
		proctest.Check(t, proctest.Result(t, entered))
	})
}

// TestView looks at a table through a file that is open for reading only.
func TestView(t *testing.T) {
	eachKind(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "table")
		a, b := mustAttach(t, path, 3), mustAttach(t, path, 3)
		f := take(t, path, os.O_RDONLY)
		defer f.Close()
		v := View(f, a.mem)
		want := func(slot int, who *Table, left, dead bool) {
			t.Helper()
			r := v.Record(slot)
			if r.ID != who.ID() || r.Left != left || r.Dead != dead || !r.Whole || r.PID != uint32(os.Getpid()) || !r.Here {
				t.Errorf("%+v", r)
			}
			if v.Dead(who.ID()) != dead {
				t.Errorf("dead: %v", !dead)
			}
		}
		want(0, a, false, false)
		want(1, b, false, false)
		if r := v.Record(2); r != (Record{}) || v.Slots() != 3 {
			t.Errorf("%+v", r)
		}
		b.Leave()
		want(1, b, true, false)
		proctest.Check(t, b.Close())
		want(1, b, true, true)
		want(0, a, false, false)
	})
}
