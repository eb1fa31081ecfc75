package segment

import (
	"errors"
	"fmt"
	"io/fs"
	"testing"

	"github.com/isthmus-go/isthmus/internal/layout"
	"github.com/isthmus-go/isthmus/internal/proctest"
)

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
	proctest.WantError(t, "used again", s.RemoveObject("x"), ErrInUse, "attachments that use it: 1")
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
			proctest.WantError(t, "found", s.RemoveObject("x"), ErrInUse, "attachments that use it: 1:")
		})
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
