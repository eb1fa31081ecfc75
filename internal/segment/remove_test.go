package segment

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"strings"
	"sync"
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
	proctest.WantError(t, "its maker", s.RemoveObject("x"), ErrInUse, `object "x" in segment "s"`, "1 attachments use it, this one is among them")
	proctest.WantError(t, "somebody else", other.RemoveObject("x"), ErrInUse, "1 attachments use it:")
	p, q := proctest.Start(t, "user"), proctest.Start(t, "user")
	p.Recv()
	q.Recv()
	proctest.WantError(t, "all", other.RemoveObject("x"), ErrInUse, "3 attachments use it:")
	_, err := other.Object(Spec{Kind: layout.KindValue, Name: "x", Size: 1}) // uses nothing
	proctest.WantError(t, "as something else", err, ErrMismatch)
	proctest.WantError(t, "all", other.RemoveObject("x"), ErrInUse, "3 attachments use it:")
	s.Close()
	p.Kill()
	proctest.WantError(t, "another process", other.RemoveObject("x"), ErrInUse, "1 attachments use it:")
	if o := mustObject(t, mustOpen(t, "s"), locked("x", 1)); o.Created { // takes a dead one's slot
		t.Errorf("%+v", o)
	}
	proctest.WantError(t, "two", other.RemoveObject("x"), ErrInUse, "2 attachments use it:")
	q.Send("close")
	q.Recv()
	proctest.WantError(t, "one", other.RemoveObject("x"), ErrInUse, "1 attachments use it:")
	q.Send("end")
	q.Wait()
}

// TestRemoveOfTheDead removes an object whose users died.
func TestRemoveOfTheDead(t *testing.T) {
	proctest.NoLeaks(t)
	proctest.Dir(t)
	s := mustCreate(t, "s", nil)
	p, q := proctest.Start(t, "user"), proctest.Start(t, "user")
	p.Recv()
	q.Recv()
	p.Kill()
	q.Kill()
	mustRemove(t, s, "x")
	if o := mustObject(t, s, locked("x", 1)); !o.Created {
		t.Errorf("%+v", o)
	}
	proctest.WantError(t, "used again", s.RemoveObject("x"), ErrInUse, "1 attachments")
}

// TestKilledInRemove kills a remover, and one that uses its room again.
func TestKilledInRemove(t *testing.T) {
	for _, test := range []struct {
		what string
		at   step
		gone bool
	}{
		{"remove", stepLocked, false}, {"remove", stepRemoving, false}, {"remove", stepChanging, false}, {"remove", stepChanged, true},
		{"reuse", stepZeroed, true}, {"reuse", stepPrepared, true}, {"reuse", stepChanging, true}, {"reuse", stepChanged, true},
	} {
		for _, strict := range []bool{false, true} {
			t.Run(fmt.Sprint(test.what, " ", test.at, " ", strict), func(t *testing.T) {
				proctest.NoLeaks(t)
				proctest.Dir(t)
				s := mustCreate(t, "s", nil)
				used(t, locked("y", 64), locked("gone", 64))
				mustObject(t, s, locked("y", 64)) // it knows the directory
				kill(t, test.what, test.at)
				finder, err := Open("s", &Options{MustExist: strict})
				must(t, finder, err)
				for _, a := range []*Segment{finder, s} {
					o, err := a.Object(locked("gone", 64))
					switch {
					case a == finder && strict && test.gone:
						proctest.WantError(t, "gone", err, fs.ErrNotExist)
					case err != nil:
						t.Fatal(err)
					case test.gone && (!o.Created && (a == finder || strict)) || !test.gone && (o.Created || o.Mem[0] != 0xff):
						t.Errorf("%+v", o)
					}
				}
				if test.what == "reuse" {
					o := mustObject(t, s, locked("new", 100))
					if o.Created != (test.at != stepChanged) || o.entry > 2 {
						t.Errorf("%+v", o)
					}
				}
				mustObject(t, s, locked("y", 64))
			})
		}
	}
}

// setRemoveStep is setStep for a removal, of whose two looks it takes the second.
func setRemoveStep(t *testing.T, at step, f func()) {
	if at != stepLooking && at != stepLooked {
		setStep(t, at, f)
		return
	}
	setStep(t, stepRemoving, func() { setStep(t, at, f) })
}

// TestRemoveUnderway has others look an object up while it is being removed.
func TestRemoveUnderway(t *testing.T) {
	for _, at := range []step{stepLocked, stepRemoving, stepLooking, stepLooked, stepChanging, stepChanged} {
		t.Run(string(at), func(t *testing.T) {
			proctest.NoLeaks(t)
			proctest.Dir(t)
			s, other, user := mustCreate(t, "s", nil), mustOpen(t, "s"), mustOpen(t, "s")
			used(t, locked("x", 64), locked("y", 64))
			mustObject(t, user, locked("y", 64))
			found := make(chan Object, 1)
			setRemoveStep(t, at, func() {
				mustObject(t, user, locked("y", 64)) // waits for nobody
				go func() {
					o, err := other.Object(locked("x", 64))
					if err != nil {
						t.Error(err)
					}
					found <- o
				}()
			})
			err := s.RemoveObject("x")
			if err != nil && !errors.Is(err, ErrInUse) {
				t.Fatal(err)
			}
			if o := <-found; o.Created != (err == nil) {
				t.Errorf("removed: %v, and found: %+v", err, o)
			}
			proctest.WantError(t, "found", s.RemoveObject("x"), ErrInUse, "1 attachments use it:")
		})
	}
}

// TestRemoveIsSeen looks an object up, without waiting, at each step of its removal.
func TestRemoveIsSeen(t *testing.T) {
	for at, want := range map[step]error{
		stepLocked: nil, stepRemoving: errUnsettled, stepLooking: errUnsettled, stepLooked: errUnsettled, stepChanging: errUnsettled, stepChanged: errAbsent,
	} {
		t.Run(string(at), func(t *testing.T) {
			proctest.Dir(t)
			s, other := mustCreate(t, "s", nil), mustOpen(t, "s")
			used(t, locked("x", 64))
			setRemoveStep(t, at, func() {
				if _, err := other.find(locked("x", 64), false); err != want {
					t.Errorf("the look-up: %v, want %v", err, want)
				}
			})
			if err := s.RemoveObject("x"); errors.Is(err, ErrInUse) != (want == nil) {
				t.Error(err)
			}
		})
	}
}

// TestRefusedIsUnseen has an object that is in use looked up by a newcomer, without
// waiting, at each step of a removal: whoever is paused there keeps nobody from it.
func TestRefusedIsUnseen(t *testing.T) {
	proctest.Dir(t)
	s, user := mustCreate(t, "s", nil), mustOpen(t, "s")
	mustObject(t, user, locked("x", 64))
	seen := 0
	atStep = func(now step) {
		f := atStep
		atStep = func(step) {}
		defer func() { atStep = f }()
		seen++
		other := mustOpen(t, "s")
		defer other.Close()
		if _, err := other.find(locked("x", 64), false); err != nil {
			t.Errorf("at %q: %v", now, err)
		}
	}
	defer func() { atStep = func(step) {} }()
	if err := s.RemoveObject("x"); !errors.Is(err, ErrInUse) || seen < 3 {
		t.Errorf("after %d steps: %v", seen, err)
	}
}

// TestChangeAfterDeath lets a maker die in the middle of a change, after another death
// there. Somebody has read the directory right before.
func TestChangeAfterDeath(t *testing.T) {
	proctest.Dir(t)
	s, other := mustCreate(t, "s", nil), mustOpen(t, "s")
	used(t, locked("x", 64))
	mustRemove(t, s, "x")
	layout.Changes(s.mem).Add(1) // the first death
	setStep(t, stepChanging, func() {
		if _, err := other.find(locked("new", 64), false); err != errAbsent {
			t.Error(err)
		}
		setStep(t, stepChanged, func() { panic("the second") })
	})
	func() {
		defer func() { _ = recover() }()
		s.Object(locked("new", 64))
	}()
	if o := mustObject(t, other, locked("new", 64)); o.Created || o.entry != 0 {
		t.Errorf("%+v", o)
	}
}

// TestRemoveUnderLookup stops somebody who looks an object up, and has just said so, too
// late for its remover. The object is removed, and made again in its place.
func TestRemoveUnderLookup(t *testing.T) {
	proctest.NoLeaks(t)
	proctest.Dir(t)
	s, other := mustCreate(t, "s", nil), mustOpen(t, "s")
	used(t, locked("x", 64))
	said, goOn, found := make(chan bool), make(chan bool), make(chan Object)
	setStep(t, stepChanging, func() { // nobody used it
		setStep(t, stepAttending, func() { said <- true; <-goOn })
		go func() {
			o, err := other.Object(locked("x", 64))
			if err != nil {
				t.Error(err)
			}
			found <- o
		}()
		<-said
	})
	mustRemove(t, s, "x")
	if o := mustObject(t, s, locked("x", 64)); !o.Created || o.entry != 0 {
		t.Errorf("%+v", o)
	}
	close(goOn)
	if o := <-found; o.Created || o.entry != 0 {
		t.Errorf("%+v", o)
	}
	proctest.WantError(t, "in use", s.RemoveObject("x"), ErrInUse, "2 attachments")
}

// remover attaches again and again, uses objects of a few names, each of which says its
// name, and removes them.
var _ = proctest.Register("remover", func(c *proctest.Child) {
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			for range proctest.Scaled(150) {
				removeSome(c)
			}
		})
	}
	wg.Wait()
	c.Send("done")
})

const removedNames = 4

func removeSome(t proctest.Fataler) {
	s, err := Open("s", nil)
	proctest.Check(t, err)
	defer s.Close()
	var mine []Object
	for range 3 {
		n := rand.Uint64N(removedNames) + 1
		if rand.IntN(2) == 0 {
			err := s.RemoveObject(fmt.Sprint(n))
			if err != nil && !errors.Is(err, ErrInUse) && !errors.Is(err, fs.ErrNotExist) {
				t.Fatalf("%v", err)
			}
		}
		spec := locked(fmt.Sprint(n), 64*(n%2+1))
		spec.Init = func(mem []byte) { binary.NativeEndian.PutUint64(mem, n) }
		spec.Capacity = n
		o, err := s.Object(spec)
		proctest.Check(t, err)
		mine = append(mine, Object{Mem: o.Mem, Off: n})
		for _, o := range mine {
			if got := binary.NativeEndian.Uint64(o.Mem); got != o.Off {
				t.Fatalf("object %d has become object %d", o.Off, got)
			}
		}
	}
}

// TestRemoveStorm has processes remove what others use.
func TestRemoveStorm(t *testing.T) {
	proctest.NoLeaks(t)
	proctest.Dir(t)
	s := mustCreate(t, "s", &Options{MaxObjects: 2 * removedNames})
	var all []*proctest.Proc
	for range 3 {
		all = append(all, proctest.Start(t, "remover"))
	}
	all[0].Kill()
	for _, p := range all[1:] {
		p.Expect("done")
		p.Wait()
	}
	for n := range removedNames {
		if err := s.RemoveObject(fmt.Sprint(n + 1)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Error(err)
		}
	}
	if n := len(s.dir.places); len(s.dir.vacant) != n || n > removedNames {
		t.Errorf("%d entries, %d are vacant", n, len(s.dir.vacant))
	}
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
	setStep(t, stepRemoving, func() { s.Close() })
	proctest.WantError(t, "remove", s.RemoveObject("attended0"), ErrClosed)
}
