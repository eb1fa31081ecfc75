package segment

import (
	"errors"
	"fmt"
	"sync"

	"github.com/isthmus-go/isthmus/internal/arch"
	"github.com/isthmus-go/isthmus/internal/layout"
)

// States of a directory entry:
//
//	Free       its state word is 0; the rest may be what a dead creator left
//	Published  has an object; nothing of it changes any more but its state
//	Removing   the same; the remover looks whether anybody uses it
//	Vacant     has no object, but room in the arena
//
//	Free, Vacant → Published  by a creator
//	Published → Removing      by a remover that has seen nobody use it
//	Removing → Vacant         by the remover, if nobody who is alive uses the object
//	Removing → Published      by the remover, if somebody does; or by the next to have the
//	                          creation lock and look for the object, if the remover is dead
//
// All by the holder of the creation lock.
//
// Invariants:
//
//  1. Only the holder of the creation lock writes to an entry, or to arena bytes that no
//     object has.
//  2. The entries that are not Free come first. Each has its room for good, and their rooms
//     follow each other in the arena: where the next one goes follows from the last one.
//  3. An object is zeroed, initialized and described, and its attendance record clear but
//     for its maker, before it is Published.
//  4. Whoever uses an object attends it as its User, from before a look that found it
//     Published to the end of the attachment. So what an attachment has once found stays
//     Published, or Removing for a moment, as long as it is open.
//  5. The count of changes is odd while a used entry becomes Published or Vacant, and
//     greater afterwards. So what somebody has read of the used entries, after a look that
//     found an even count, is still so if the count is.
//
// A kill before the publication leaves no trace that counts: the next creator finds
// the same entries and the same bytes, and writes over both (3). A kill of a remover leaves
// the object in a state that others wait for, without a lock that they wait for: they take
// it, and restore the state. A kill in the middle of a change leaves an odd count, which
// the next holder of the creation lock makes even. The kernel drops that lock.
//
// Memory orderings: the store of a state pairs with the load of ReadEntry, so that who
// sees an entry Published sees the object. The creation lock orders creators and removers.
// A user stores its bit, and a remover Removing, and each then looks for the other's, with
// a full fence in between: one of them sees the other, and gives way. A user looks for its
// own bit last: if the object that it has found is another than the one it came for, the
// bit may have been cleared before that was Published.
//
// Model: models/remove.pml.

// directory is what an attachment knows of the directory, so that it reads each entry
// once and not at every look-up.
type directory struct {
	sync.Mutex
	places  []place // of the entries that are not Free
	names   map[string]int
	vacant  []int
	changes uint64 // when all that was read
}

// unread is a count of changes that no entry was read at.
const unread = 1

// place is the room of an entry.
type place struct {
	off, size uint64
	attended  bool // by this attachment
}

var (
	errAbsent = errors.New("does not exist")
	// errUnsettled says that what somebody is just changing was in the way. Under the
	// creation lock nobody is.
	errUnsettled = errors.New("is being changed")
)

// find returns the object that spec describes. If it does not exist, that is errAbsent.
func (s *Segment) find(spec Spec, locked bool) (Object, error) {
	if i, ok := s.dir.names[spec.Name]; ok && !locked {
		if o, err := s.use(i, spec, locked); err != errUnsettled {
			return o, err
		}
	}
	if err := s.read(locked); err != nil {
		return Object{}, err
	}
	if i, ok := s.dir.names[spec.Name]; ok {
		return s.use(i, spec, locked)
	}
	return Object{}, errAbsent
}

// read reads the entries that this attachment does not know, or all if what it knows is
// old.
func (s *Segment) read(locked bool) error {
	d := &s.dir
	changes := layout.Changes(s.mem).Load()
	next := len(d.places)
	if changes != d.changes || changes%2 != 0 {
		next = 0
		clear(d.names)
		d.vacant = d.vacant[:0]
	}
	d.changes = unread
	for i := next; i < s.header.MaxObjects; i++ {
		e, state, err := layout.ReadEntry(s.header.Entry(s.mem, i))
		if err != nil {
			return err
		}
		if state == layout.Free {
			break
		}
		if err := s.locate(i, e); err != nil {
			return err
		}
		if state == layout.Vacant {
			d.vacant = append(d.vacant, i)
			continue
		}
		if _, twice := d.names[e.Name]; twice {
			if !locked {
				return errUnsettled // it has moved meanwhile
			}
			return fmt.Errorf("directory entry %d is another of name %q: %w", i, e.Name, ErrCorrupt)
		}
		d.names[e.Name] = i
	}
	d.changes = changes
	return nil
}

// locate checks the room of an entry that is not Free.
func (s *Segment) locate(i int, e layout.Entry) error {
	off, left := s.unused(i)
	if e.Off != off || e.Room == 0 || e.Room > left || e.Room%layout.ObjectAlign != 0 {
		return fmt.Errorf("directory entry %d, %q, has %d bytes at %d: %w", i, e.Name, e.Room, e.Off, ErrCorrupt)
	}
	if i == len(s.dir.places) {
		s.dir.places = append(s.dir.places, place{off: e.Off, size: e.Room})
	} else if s.dir.places[i].size != e.Room {
		return fmt.Errorf("directory entry %d has changed: %w", i, ErrCorrupt)
	}
	return nil
}

// unused returns where the room of entry i has to begin, and how many bytes are left
// there.
func (s *Segment) unused(i int) (off, left uint64) {
	off = uint64(s.header.ArenaOff)
	end := off + uint64(s.header.ArenaSize)
	if i > 0 {
		off = s.dir.places[i-1].off + s.dir.places[i-1].size
	}
	return off, end - off
}

// use returns the object that spec describes, if entry i has it, and attends it.
func (s *Segment) use(i int, spec Spec, locked bool) (o Object, err error) {
	p := &s.dir.places[i]
	if !p.attended {
		s.attend(i, layout.User)
		arch.Fence()
		defer func() {
			if p.attended = err == nil; !p.attended {
				s.leave(i, layout.User)
			}
		}()
	}
	entry := s.header.Entry(s.mem, i)
	e, state, err := layout.ReadEntry(entry)
	if err != nil {
		return o, err
	}
	if state == layout.Removing && locked { // its remover is dead
		layout.SetState(entry, layout.Published)
		state = layout.Published
	}
	found := e.Name == spec.Name && (state == layout.Published || state == layout.Removing && p.attended)
	if !found && (p.attended || locked) || e.Off != p.off || e.Room != p.size {
		return o, fmt.Errorf("directory entry %d has changed: %w", i, ErrCorrupt)
	}
	if word, bit := s.mine(i, layout.User); !found || !p.attended && word.Load()&bit == 0 {
		return o, errUnsettled
	}
	if e.Size == 0 || e.Size > p.size || uint64(e.TextLen) > p.size-e.Size {
		return o, fmt.Errorf("directory entry %d, %q, has %d bytes and %d in %d: %w", i, e.Name, e.Size, e.TextLen, p.size, ErrCorrupt)
	}
	if err := compare(e, spec, s.slice(p.off, p.size)); err != nil {
		return o, err
	}
	return Object{Kind: spec.Kind, Mem: s.slice(p.off, spec.Size), Off: p.off, entry: i}, nil
}

// change makes one of the entries that are not Free Published or Vacant. The creation lock
// must be held, and the directory must be read.
func (s *Segment) change(i int, state layout.State) {
	changes := layout.Changes(s.mem)
	changes.Add(1)
	atStep(stepChanging)
	layout.SetState(s.header.Entry(s.mem, i), state)
	atStep(stepChanged)
	s.dir.changes = changes.Add(1)
}

// withDirectory calls f while nobody else changes the directory.
func (s *Segment) withDirectory(f func() error) error {
	return s.table.WithCreationLock(func() error {
		atStep(stepLocked)
		s.dir.Lock()
		defer s.dir.Unlock()
		if changes := layout.Changes(s.mem); changes.Load()%2 != 0 { // who changed it is dead
			changes.Add(1)
		}
		return f()
	})
}
