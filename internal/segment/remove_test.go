package segment

import (
	"fmt"
	"io/fs"
	"runtime"
	"strings"
	"testing"

	"github.com/isthmus-go/isthmus/internal/layout"
	"github.com/isthmus-go/isthmus/internal/proctest"
)

func locked(name string, size uint64) Spec {
	return Spec{Kind: layout.KindLock, Name: name, Size: size}
}

// used makes objects by an attachment that is closed then.
func used(t *testing.T, specs ...Spec) {
	t.Helper()
	s := mustOpen(t, "s")
	for _, spec := range specs {
		copy(mustObject(t, s, spec).Mem, strings.Repeat("\xff", int(spec.Size)))
	}
	s.Close()
}

func mustRemove(t *testing.T, s *Segment, name string) {
	t.Helper()
	if err := s.RemoveObject(name); err != nil {
		t.Fatal(err)
	}
}

func TestRemoveObject(t *testing.T) {
	proctest.NoLeaks(t)
	proctest.Dir(t)
	s := mustCreate(t, "s", &Options{MaxObjects: 4})
	strict, err := Open("s", &Options{MustExist: true})
	must(t, strict, err)
	used(t, locked("x", 100), locked("y", 300), locked("z", 100))
	y := mustObject(t, s, locked("y", 300))
	for _, a := range []*Segment{s, strict} {
		proctest.WantError(t, "none", a.RemoveObject("none"), fs.ErrNotExist, `object "none" in segment "s"`)
	}
	proctest.WantError(t, "no name", s.RemoveObject(""), ErrName)
	for name, size := range map[string]uint64{"x": 100, "z": 100} {
		mustRemove(t, s, name)
		proctest.WantError(t, "twice", s.RemoveObject(name), fs.ErrNotExist)
		_, err := strict.Object(locked(name, size))
		proctest.WantError(t, "what is removed", err, fs.ErrNotExist)
	}
	if again := mustObject(t, s, locked("y", 300)); again.Off != y.Off || again.Created {
		t.Errorf("what is left: %+v", again)
	}
	// The first that fits, and zero again.
	for _, test := range []struct {
		spec  Spec
		entry int
	}{
		{locked("large", 129), 3},
		{Spec{Kind: layout.KindValue, Name: "small", Size: 8, Type: typeOf[int64](t)}, 0},
		{locked("x", 128), 2},
	} {
		o := mustObject(t, s, test.spec)
		if !o.Created || o.entry != test.entry || strings.Trim(string(o.Mem), "\x00") != "" {
			t.Errorf("%q: %+v", test.spec.Name, o)
		}
		copy(o.Mem, "used")
		for _, a := range []*Segment{s, strict, mustOpen(t, "s")} {
			if found := mustObject(t, a, test.spec); found.Created || found.Off != o.Off || string(found.Mem[:4]) != "used" {
				t.Errorf("%q: made %+v, found %+v", test.spec.Name, o, found)
			}
		}
	}
	_, err = s.Object(locked("more", 1))
	proctest.WantError(t, "full", err, ErrFull, "all 4 directory entries")
	s.Close()
	proctest.WantError(t, "closed", s.RemoveObject("x"), ErrClosed, `object "x" in segment "s"`)
}

// TestRemoveRooms removes objects whose types are described behind them.
func TestRemoveRooms(t *testing.T) {
	type long struct {
		AVeryLongNameOfAField, AnotherVeryLongNameOfAField, AndYetAnotherVeryLongNameOfAField uint64
	}
	proctest.Dir(t)
	s := mustCreate(t, "s", nil)
	spec := Spec{Kind: layout.KindValue, Name: "x", Type: typeOf[long](t), Size: 100}
	room := layout.Room(spec.Size, spec.Type)
	used(t, locked("a", room-1), locked("b", room))
	mustRemove(t, s, "b")
	mustRemove(t, s, "a")
	if o := mustObject(t, s, spec); o.entry != 0 { // room-1 bytes take the same room
		t.Errorf("%+v", o)
	}
	mustObject(t, s, locked("b", room))
	for i := range uint64(3) {
		used(t, locked("c", room-layout.ObjectAlign))
		mustRemove(t, s, "c")
		spec.Name = fmt.Sprint(i)
		if o := mustObject(t, s, spec); o.entry != int(3+i) {
			t.Errorf("%+v", o)
		}
	}
	other := spec
	other.Type = typeOf[struct {
		AVeryLongNameOfAField, AnotherVeryLongNameOfAField uint64
		Other                                              int64
	}](t)
	_, err := s.Object(other)
	proctest.WantError(t, "another type", err, ErrMismatch, `field "AndYetAnotherVeryLongNameOfAField" (uint64 at offset 16) exists, asked for field "Other" (int64 at offset 16)`)
}

var _ = proctest.Register("user", func(c *proctest.Child) {
	s, err := Open("s", nil)
	c.Check(err)
	_, err = s.Object(locked("x", 1))
	c.Check(err)
	c.Send("uses it")
	if c.Recv() == "close" {
		c.Check(s.Close())
	}
	c.Send("done")
	c.Recv()
})

// TestRemoveInUse checks that what somebody alive uses is not removed.
func TestRemoveInUse(t *testing.T) {
	proctest.NoLeaks(t)
	proctest.Dir(t)
	s, other := mustCreate(t, "s", nil), mustOpen(t, "s")
	mustObject(t, s, locked("x", 1))
	proctest.WantError(t, "its maker", s.RemoveObject("x"), ErrInUse, `object "x" in segment "s"`, "attachments that use it: 1, with this one")
	proctest.WantError(t, "somebody else", other.RemoveObject("x"), ErrInUse, "attachments that use it: 1:")
	p, q := proctest.Start(t, "user"), proctest.Start(t, "user")
	p.Recv()
	q.Recv()
	proctest.WantError(t, "all", other.RemoveObject("x"), ErrInUse, "attachments that use it: 3:")
	_, err := other.Object(Spec{Kind: layout.KindValue, Name: "x", Size: 1}) // uses nothing
	proctest.WantError(t, "as something else", err, ErrMismatch)
	proctest.WantError(t, "all", other.RemoveObject("x"), ErrInUse, "attachments that use it: 3:")
	s.Close()
	p.Kill()
	proctest.WantError(t, "another process", other.RemoveObject("x"), ErrInUse, "attachments that use it: 1:")
	if o := mustObject(t, mustOpen(t, "s"), locked("x", 1)); o.Created { // takes a dead one's slot
		t.Errorf("%+v", o)
	}
	proctest.WantError(t, "two", other.RemoveObject("x"), ErrInUse, "attachments that use it: 2:")
	q.Send("close")
	q.Recv()
	proctest.WantError(t, "one", other.RemoveObject("x"), ErrInUse, "attachments that use it: 1:")
	q.Send("end")
	q.Wait()
}

// TestRemoveRefused has somebody begin to use an object when it is about to be removed: it
// is as before.
func TestRemoveRefused(t *testing.T) {
	proctest.NoLeaks(t)
	proctest.Dir(t)
	s := mustCreate(t, "s", nil)
	other := mustOpen(t, "s")
	o := attended(t, other)[0]
	for _, x := range attended(t, other) {
		other.leave(x.entry, layout.User)
	}
	setStep(t, stepRemoving, func() { other.attend(o.entry, layout.User) })
	proctest.WantError(t, "remove", s.RemoveObject("attended0"), ErrInUse)
	if _, state, err := layout.ReadEntry(s.header.Entry(s.mem, o.entry)); state != layout.Published || err != nil {
		t.Errorf("the state of its entry is %v, %v", state, err)
	}
}

// TestRemoveClosed has the Segment closed when an object is about to be removed.
func TestRemoveClosed(t *testing.T) {
	proctest.Dir(t)
	s := mustCreate(t, "s", nil)
	other := mustOpen(t, "s")
	for _, x := range attended(t, other) {
		other.leave(x.entry, layout.User)
	}
	closed := make(chan error, 1)
	setStep(t, stepRemoving, func() {
		go func() { closed <- s.Close() }() // which waits for the removal where nothing can be severed
		for !s.Closed() {
			runtime.Gosched()
		}
	})
	proctest.WantError(t, "remove", s.RemoveObject("attended0"), ErrClosed)
	proctest.Check(t, proctest.Result(t, closed))
}
