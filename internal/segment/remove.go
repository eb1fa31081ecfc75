package segment

import (
	"fmt"
	"io/fs"
	"runtime"
	"slices"

	"github.com/isthmus-go/isthmus/internal/arch"
	"github.com/isthmus-go/isthmus/internal/layout"
)

// RemoveObject removes an object that nobody who is alive uses. Its room stays, for
// another object.
func (s *Segment) RemoveObject(name string) error {
	err := checkObjectName(name)
	if err == nil && s.Closed() {
		err = ErrClosed
	}
	if err == nil {
		err = s.withDirectory(func() error { return s.remove(name) })
		if s.Closed() { // and who knows where we looked
			err = ErrClosed
		}
	}
	runtime.KeepAlive(s)
	if err != nil {
		ref := s.Ref(0, name)
		return ref.Fault(err)
	}
	return nil
}

// remove removes an object. The creation lock must be held.
func (s *Segment) remove(name string) error {
	if err := s.read(true); err != nil {
		return err
	}
	i, ok := s.dir.names[name]
	if !ok {
		return fmt.Errorf("does not exist: %w", fs.ErrNotExist)
	}
	entry := s.header.Entry(s.mem, i)
	n, _ := s.attendees(i, layout.User)
	if n == 0 { // else nobody is kept waiting for what will not be removed
		layout.SetState(entry, layout.Removing)
		arch.Fence()
		atStep(stepRemoving)
		n, _ = s.attendees(i, layout.User)
	}
	if n > 0 {
		layout.SetState(entry, layout.Published)
		if s.dir.places[i].attended {
			return fmt.Errorf("attachments that use it: %d, with this one: %w", n, ErrInUse)
		}
		return fmt.Errorf("attachments that use it: %d: %w", n, ErrInUse)
	}
	s.change(i, layout.Vacant)
	delete(s.dir.names, name)
	at, _ := slices.BinarySearch(s.dir.vacant, i)
	s.dir.vacant = slices.Insert(s.dir.vacant, at, i)
	return nil
}
