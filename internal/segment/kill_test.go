package segment

import (
	"errors"
	"io/fs"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/isthmus-go/isthmus/internal/layout"
	"github.com/isthmus-go/isthmus/internal/liveness"
	"github.com/isthmus-go/isthmus/internal/mapping"
	"github.com/isthmus-go/isthmus/internal/proctest"
)

// victim does something and stops at a step of it, to be killed there.
var _ = proctest.Register("victim", func(c *proctest.Child) {
	var s *Segment
	stopAt := func(at string) {
		atStep = func(now step) {
			if string(now) == at {
				id := liveness.ID(0)
				if s != nil {
					id = s.ID()
				}
				c.Send(at, uint64(id))
				c.Recv()
			}
		}
	}
	var err error
	switch what, at := c.Arg(0), c.Arg(1); what {
	case "create with a temporary name":
		useNamedDrafts()
		fallthrough
	case "create":
		stopAt(at)
		_, err = Create("s", testSize, nil)
	case "open":
		stopAt(at)
		_, err = Open("s", nil)
	case "remove stale":
		stopAt(at)
		_, err = RemoveStale(nil)
	case "attend":
		s, err = Open("s", nil)
		c.Check(err)
		o := attended(c, s)[0]
		c.Send("attached")
		c.Recv()
		stopAt(at)
		s.Attend(o, layout.Producer)
	case "remove", "reuse":
		s, err = Open("s", nil)
		c.Check(err)
		if what == "reuse" {
			c.Check(s.RemoveObject("gone"))
			stopAt(at)
			_, err = s.Object(locked("new", 100))
			break
		}
		stopAt(at)
		err = s.RemoveObject("gone")
	case "object":
		s, err = Open("s", nil)
		c.Check(err)
		stopAt(at)
		_, err = s.Object(Spec{Kind: layout.KindLock, Name: "x", Size: 64, Init: func(mem []byte) { mem[0] = 1 }})
	case "close":
		s, err = Open("s", nil)
		c.Check(err)
		o, oerr := s.Object(Spec{Kind: layout.KindLock, Name: "x", Size: 64})
		c.Check(oerr)
		stopAt(at)
		stop := atStep
		atStep = func(now step) {
			if now == stepSevered {
				o.Mem[0] = 1 // what an operation caught in the middle may do
			}
			stop(now)
		}
		err = s.Close()
	}
	c.Fatalf("step %q did not come: %v", c.Arg(1), err)
})

// halt starts a victim, which stops at a step, and returns the ID it has, if any.
func halt(t *testing.T, what string, at step) (*proctest.Proc, liveness.ID) {
	t.Helper()
	p := proctest.Start(t, "victim", what, string(at))
	id, err := strconv.ParseUint(strings.TrimPrefix(p.Recv(), string(at)+" "), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return p, liveness.ID(id)
}

// kill kills a victim at a step, and returns the ID it had, if any.
func kill(t *testing.T, what string, at step) liveness.ID {
	t.Helper()
	p, id := halt(t, what, at)
	p.Kill()
	return id
}

func TestKilledInCreate(t *testing.T) {
	for _, what := range []string{"create", "create with a temporary name"} {
		named := what != "create" || !hasUnnamedDrafts
		if named {
			withNamedDrafts(t)
		}
		for _, at := range []step{stepDrafted, stepFilled, stepAttached, stepLinked, stepPublished} {
			if at == stepLinked && (!named || runtime.GOOS == "windows") { // which renames in one step
				continue
			}
			t.Run(what+"/"+string(at), func(t *testing.T) {
				proctest.NoLeaks(t)
				dir := proctest.Dir(t)
				kill(t, what, at)
				published := at == stepLinked || at == stepPublished
				s, err := Open("s", nil)
				switch {
				case published && err != nil:
					t.Fatal(err)
				case published:
					s.Close()
				case !errors.Is(err, fs.ErrNotExist):
					t.Fatalf("Open after the kill: %v", err)
				case !named && files(t, dir) != "":
					t.Errorf("the kill has left %q", files(t, dir))
				}

				s, err = Create("s", testSize, nil)
				if published {
					proctest.WantError(t, "Create", err, fs.ErrExist)
					if err := Remove("s", nil); err != nil {
						t.Fatal(err)
					}
					s, err = Create("s", testSize, nil)
				}
				if err != nil {
					t.Fatal(err)
				}
				if got := files(t, dir); got != "isthmus.s" {
					t.Errorf("files are %q", got)
				}
				s.Close()
				Remove("s", nil)
			})
		}
	}
}

func TestKilledInOpen(t *testing.T) {
	proctest.NoLeaks(t)
	proctest.Dir(t)
	s := mustCreate(t, "s", &Options{MaxProcs: 2})
	for range 3 {
		kill(t, "open", stepAttached)
	}
	if b := mustOpen(t, "s"); s.Dead(b.ID()) || b.ID() != 5 || b.Slot() == s.Slot() {
		t.Errorf("after three in its slot that were killed, the ID is %#x", b.ID())
	}
}

func TestKilledInObject(t *testing.T) {
	for _, at := range []step{stepLocked, stepZeroed, stepPrepared, stepCreated} {
		t.Run(string(at), func(t *testing.T) {
			proctest.NoLeaks(t)
			proctest.Dir(t)
			s := mustCreate(t, "s", nil)
			first := mustObject(t, s, Spec{Kind: layout.KindLock, Name: "first", Size: 1})
			if id := kill(t, "object", at); !s.Dead(id) {
				t.Errorf("%#x was killed and looks alive", id)
			}
			spec := Spec{Kind: layout.KindValue, Name: "x", Size: 128}
			if at == stepCreated {
				spec = Spec{Kind: layout.KindLock, Name: "x", Size: 64}
			}
			o := mustObject(t, s, spec)
			if o.Created != (at != stepCreated) || o.Off != first.Off+layout.ObjectAlign || o.Created == (o.Mem[0] == 1) {
				t.Errorf("after the kill: %+v", o)
			}
		})
	}
}

// TestKilledInClose stops a process in the middle of a Close. It is alive for as long
// as its stores reach the segment, so that nobody takes what it still may write to.
func TestKilledInClose(t *testing.T) {
	proctest.NoLeaks(t)
	proctest.Dir(t)
	s := mustCreate(t, "s", nil)
	o := mustObject(t, s, Spec{Kind: layout.KindLock, Name: "x", Size: 64})
	p, id := halt(t, "close", stepSevered)
	if s.Dead(id) {
		t.Errorf("%#x looks dead before its Close has given it up", id)
	}
	if mapping.Severs() && o.Mem[0] != 0 {
		t.Error("severed, and a store reached the segment")
	}
	p.Kill()
	if !s.Dead(id) {
		t.Errorf("%#x was killed and looks alive", id)
	}
}
