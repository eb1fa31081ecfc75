package segment

import (
	"errors"
	"fmt"
	"io/fs"
	"runtime"
	"sync"

	"github.com/isthmus-go/isthmus/internal/layout"
)

// States of a directory entry:
//
//	Free       its state word is 0; the rest may be what a dead creator left
//	Published  its state word says so; nothing of it changes any more
//
//	Free → Published  by the holder of the creation lock
//
// Invariants:
//
//  1. Only the holder of the creation lock writes to a Free entry, and to arena
//     bytes that no Published entry has.
//  2. The Published entries come first, and their objects follow each other in
//     the arena: where the next one goes follows from the last one.
//  3. An object is zeroed, initialized and described before it is Published.
//
// A kill at any step before the publication leaves no trace that counts: the
// next creator finds the same free entry and the same free bytes, and writes
// over both (3). The kernel drops the creation lock.
//
// Memory orderings: the store of Publish pairs with the load of ReadEntry, so
// that who sees an entry sees the object. The creation lock orders creators.

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
	o, err = s.find(spec, absent)
	if err == errAbsent && s.mustExist {
		err = fmt.Errorf("does not exist: %w", fs.ErrNotExist)
	}
	if err == errAbsent {
		err = s.table.WithCreationLock(func() error {
			atStep(stepLocked)
			o, err = s.find(spec, s.create)
			return err
		})
	}
	if s.Closed() { // and who knows where we looked
		return o, ErrClosed
	}
	return o, err
}

// vacancy is where an object that does not exist would go: a free entry, and the
// arena bytes from off to end.
type vacancy struct {
	entry    int
	off, end uint64
}

// seen is what an attachment knows of the directory: the entries that it has read
// and found to be Published, so that it reads each once and not at every look-up.
type seen struct {
	sync.Mutex
	places map[string]place
	next   uint64 // where the object behind them goes
}

// place is where an object is.
type place struct {
	entry     int
	off, size uint64
}

var errAbsent = errors.New("does not exist")

func absent(Spec, vacancy) (Object, error) { return Object{}, errAbsent }

// find returns the object that spec describes, or what otherwise makes of it.
func (s *Segment) find(spec Spec, otherwise func(Spec, vacancy) (Object, error)) (Object, error) {
	s.seen.Lock()
	defer s.seen.Unlock()
	if p, ok := s.seen.places[spec.Name]; ok {
		return s.at(p, spec)
	}
	end := uint64(s.header.ArenaOff) + uint64(s.header.ArenaSize)
	for i := len(s.seen.places); i < s.header.MaxObjects; i++ {
		next := s.seen.next
		e, published, err := layout.ReadEntry(s.header.Entry(s.mem, i))
		if err != nil {
			return Object{}, err
		}
		if !published {
			return otherwise(spec, vacancy{i, next, end})
		}
		_, twice := s.seen.places[e.Name]
		if e.Off != next || e.Size == 0 || e.Size > end-next || twice {
			return Object{}, fmt.Errorf("directory entry %d, %q, has %d bytes at %d: %w", i, e.Name, e.Size, e.Off, ErrCorrupt)
		}
		s.seen.places[e.Name] = place{i, next, e.Size}
		s.seen.next = min(layout.AlignObject(next+e.Size), end)
		if e.Name == spec.Name {
			return s.at(place{i, next, e.Size}, spec)
		}
	}
	return Object{}, fmt.Errorf("all %d directory entries are taken, Options.MaxObjects of the one who makes the segment allows for more: %w", s.header.MaxObjects, ErrFull)
}

// at returns the object that spec describes, which has that place.
func (s *Segment) at(p place, spec Spec) (Object, error) {
	e, published, err := layout.ReadEntry(s.header.Entry(s.mem, p.entry))
	if err != nil {
		return Object{}, err
	}
	if !published || e.Name != spec.Name || e.Off != p.off || e.Size != p.size {
		return Object{}, fmt.Errorf("directory entry %d has changed: %w", p.entry, ErrCorrupt)
	}
	if err := compare(e, spec); err != nil {
		return Object{}, err
	}
	return Object{Kind: spec.Kind, Mem: s.slice(p.off, spec.Size), Off: p.off, entry: p.entry}, nil
}

// create makes the object where there is room, and publishes it. The creation
// lock must be held.
func (s *Segment) create(spec Spec, v vacancy) (Object, error) {
	entry, off := s.header.Entry(s.mem, v.entry), v.off
	if spec.Size > v.end-off {
		return Object{}, fmt.Errorf("needs %d bytes, %d are left: %w", spec.Size, v.end-off, ErrFull)
	}
	mem := s.slice(off, spec.Size)
	clear(mem)
	atStep(stepZeroed)
	if spec.Init != nil {
		spec.Init(mem)
	}
	layout.Entry{
		Kind:        spec.Kind,
		Off:         off,
		Size:        spec.Size,
		Capacity:    spec.Capacity,
		Fingerprint: spec.Type.Fingerprint,
		ElemSize:    uint64(spec.Type.Size),
		Flags:       spec.Flags,
		Name:        spec.Name,
		TypeName:    spec.Type.Name,
	}.Encode(entry)
	s.header.Desert(s.mem, v.entry)
	atStep(stepPrepared)
	layout.Publish(entry)
	atStep(stepCreated)
	return Object{Kind: spec.Kind, Mem: mem, Off: off, Created: true, entry: v.entry}, nil
}

func (s *Segment) slice(off, size uint64) []byte {
	return s.mem[off : off+size : off+size]
}

// compare says in what the existing object differs from the one asked for.
func compare(e layout.Entry, spec Spec) error {
	switch {
	case e.Kind != spec.Kind:
		return fmt.Errorf("exists as %v, asked for %v: %w", e.Kind, spec.Kind, ErrMismatch)
	case e.Fingerprint != spec.Type.Fingerprint || e.ElemSize != uint64(spec.Type.Size):
		return fmt.Errorf("exists with elements of type %s (%d bytes, layout %x), asked for %s (%d bytes, layout %x): %w",
			e.TypeName, e.ElemSize, e.Fingerprint, spec.Type.Name, spec.Type.Size, spec.Type.Fingerprint, ErrMismatch)
	case e.Capacity != spec.Capacity:
		return fmt.Errorf("exists with capacity %d, asked for %d: %w", e.Capacity, spec.Capacity, ErrMismatch)
	case e.Flags != spec.Flags:
		return fmt.Errorf("exists with options %#x, asked for %#x: %w", e.Flags, spec.Flags, ErrMismatch)
	case e.Size != spec.Size:
		return fmt.Errorf("exists with %d bytes, asked for %d: %w", e.Size, spec.Size, ErrMismatch)
	}
	return nil
}
