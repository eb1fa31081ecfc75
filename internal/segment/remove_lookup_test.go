package segment

import (
	"errors"
	"testing"

	"github.com/isthmus-go/isthmus/internal/proctest"
)

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
	proctest.WantError(t, "in use", s.RemoveObject("x"), ErrInUse, "attachments that use it: 2")
}
