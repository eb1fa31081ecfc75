package segment

import (
	"fmt"
	"io/fs"
	"runtime"
	"slices"

	"github.com/isthmus-go/isthmus/internal/layout"
)

// Spec describes an object to find or to create.
type Spec struct {
	Kind     layout.Kind
	Name     string
	Type     layout.Type // of the elements; zero for kinds that have none
	Capacity uint64
	Flags    uint64
	Size     uint64           // bytes of memory
	Init     func(mem []byte) // sets the zeroed memory of a new object up; or nil
}

// Object is an object in shared memory. Mem does not keep the Segment alive: see
// there.
type Object struct {
	Kind    layout.Kind
	Mem     []byte // Size bytes, aligned to layout.ObjectAlign
	Off     uint64 // of Mem in the segment
	Created bool

	entry int // of the directory
}

// Object finds the object that spec describes, or creates it. One that exists
// and differs is ErrMismatch.
func (s *Segment) Object(spec Spec) (Object, error) {
	o, err := s.object(spec)
	runtime.KeepAlive(s)
	if err != nil {
		ref := s.Ref(spec.Kind, spec.Name)
		return Object{}, ref.Fault(err)
	}
	return o, nil
}

func (s *Segment) object(spec Spec) (o Object, err error) {
	if err := checkObjectName(spec.Name); err != nil {
		return o, err
	}
	if spec.Size == 0 {
		return o, fmt.Errorf("object has no bytes: %w", ErrSize)
	}
	if s.Closed() {
		return o, ErrClosed
	}
	// What is published needs no lock: nobody who is paused inside it may keep
	// others from what exists.
	s.dir.Lock()
	o, err = s.find(spec, false)
	s.dir.Unlock()
	if err == errUnsettled || err == errAbsent && !s.mustExist {
		err = s.withDirectory(func() error {
			o, err = s.find(spec, true)
			if err == errAbsent && !s.mustExist {
				o, err = s.create(spec)
			}
			return err
		})
	}
	if err == errAbsent {
		err = fmt.Errorf("does not exist: %w", fs.ErrNotExist)
	}
	if s.Closed() { // and who knows where we looked
		return o, ErrClosed
	}
	return o, err
}

// create makes the object where there is room, and publishes it. The creation
// lock must be held, and the directory must be read.
func (s *Segment) create(spec Spec) (Object, error) {
	d := &s.dir
	i := len(d.places)
	off, left := s.unused(i)
	text := spec.Type.Behind()
	need := spec.Size + uint64(len(text))
	fits := slices.IndexFunc(d.vacant, func(i int) bool {
		return spec.Size <= d.places[i].size && need <= d.places[i].size
	})
	switch {
	case fits >= 0:
		i = d.vacant[fits]
		off = d.places[i].off
	case i == s.header.MaxObjects:
		return Object{}, fmt.Errorf("all %d directory entries are taken, Options.MaxObjects of the one who makes the segment allows for more: %w", i, ErrFull)
	case spec.Size > left || need > left:
		return Object{}, fmt.Errorf("needs %d bytes, %d are left: %w", need, left, ErrFull)
	default:
		d.places = append(d.places, place{off: off, size: layout.AlignObject(need)})
	}
	room := s.slice(off, d.places[i].size)
	mem := s.slice(off, spec.Size)
	clear(mem)
	atStep(stepZeroed)
	if spec.Init != nil {
		spec.Init(mem)
	}
	copy(room[spec.Size:], text)
	e := layout.Entry{
		Kind:     spec.Kind,
		Off:      off,
		Size:     spec.Size,
		Capacity: spec.Capacity,
		Flags:    spec.Flags,
		Name:     spec.Name,
		Room:     uint64(len(room)),
	}
	e.SetType(spec.Type)
	entry := s.header.Entry(s.mem, i)
	e.Encode(entry)
	s.header.Desert(s.mem, i)
	s.attend(i, layout.User)
	atStep(stepPrepared)
	if fits >= 0 {
		s.change(i, layout.Published)
		d.vacant = slices.Delete(d.vacant, fits, fits+1)
	} else {
		layout.SetState(entry, layout.Published)
	}
	atStep(stepCreated)
	d.places[i].attended = true
	d.names[spec.Name] = i
	return Object{Kind: spec.Kind, Mem: mem, Off: off, Created: true, entry: i}, nil
}

func (s *Segment) slice(off, size uint64) []byte {
	return s.mem[off : off+size : off+size]
}

// compare says in what the existing object, which has a room, differs from the one asked
// for.
func compare(e layout.Entry, spec Spec, room []byte) error {
	switch {
	case e.Kind != spec.Kind:
		return fmt.Errorf("exists as %v, asked for %v: %w", e.Kind, spec.Kind, ErrMismatch)
	case e.Fingerprint != spec.Type.Fingerprint || e.ElemSize != uint64(spec.Type.Size):
		how := layout.Difference(e.Text(room), spec.Type.Text)
		if how == "" {
			how = "their layouts differ"
		}
		return fmt.Errorf("exists with elements of type %s (%d bytes), asked for %s (%d bytes): %s: %w",
			e.TypeName, e.ElemSize, spec.Type.Name, spec.Type.Size, how, ErrMismatch)
	case e.Capacity != spec.Capacity:
		return fmt.Errorf("exists with capacity %d, asked for %d: %w", e.Capacity, spec.Capacity, ErrMismatch)
	case e.Flags != spec.Flags && spec.Kind == layout.KindCond:
		return fmt.Errorf("exists with another lock: %w", ErrMismatch)
	case e.Flags != spec.Flags:
		return fmt.Errorf("exists with options %#x, asked for %#x: %w", e.Flags, spec.Flags, ErrMismatch)
	case e.Size != spec.Size:
		return fmt.Errorf("exists with %d bytes, asked for %d: %w", e.Size, spec.Size, ErrMismatch)
	}
	return nil
}
