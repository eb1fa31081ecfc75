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
	case "object", "close":
		s, err = Open("s", nil)
		c.Check(err)
		stopAt(at)
		if what == "close" {
			err = s.Close()
			break
		}
		_, err = s.Object(Spec{Kind: layout.KindLock, Name: "x", Size: 64, Init: func(mem []byte) { mem[0] = 1 }})
	}
	c.Fatalf("step %q did not come: %v", c.Arg(1), err)
})

// kill starts a victim, kills it at a step, and returns the ID it had, if any.
func kill(t *testing.T, what string, at step) liveness.ID {
	t.Helper()
	p := proctest.Start(t, "victim", what, string(at))
	id, err := strconv.ParseUint(strings.TrimPrefix(p.Recv(), string(at)+" "), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	p.Kill()
	return liveness.ID(id)
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

func TestKilledInClose(t *testing.T) {
	proctest.NoLeaks(t)
	proctest.Dir(t)
	s := mustCreate(t, "s", nil)
	if id := kill(t, "close", stepSevered); !s.Dead(id) {
		t.Errorf("%#x was killed and looks alive", id)
	}
}
