package segment

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/isthmus-go/isthmus/internal/layout"
	"github.com/isthmus-go/isthmus/internal/liveness"
	"github.com/isthmus-go/isthmus/internal/mapping"
)

// A segment is stale (docs/FORMAT.md, F15) if nobody alive is attached, and somebody was who has ended without
// Close: then it waits for nobody, as one may that all have closed.
//
// Who removes a stale segment does in this order, each step with the gate closed (package
// liveness, gate.go):
//
//	1  close the gate, or leave the segment alone if somebody is in it
//	2  look whether the file still has its name
//	3  look whether any slot's owner is alive, and whether one has died
//	4  remove the name
//
// Who opens a segment enters the gate, looks whether the file still has its name, attaches,
// and leaves the gate. So whoever is attached by 4 was before 1, and was seen in 3: all
// others find the name gone. The maker of a segment is attached before the file has its
// name. Remove, too, enters the gate before it takes a name away: so between 2 and 4 the name
// stays that file's, if nobody else removes files here.
//
// A kill at any step leaves the segment as it was, or removed.

// RemoveStale removes the stale segments in the directory, and returns their names.
func RemoveStale(opts *Options) (removed []string, err error) {
	names, err := List(opts)
	if err != nil {
		return nil, err
	}
	o, err := opts.withDefaults()
	if err != nil {
		return nil, err
	}
	var errs []error
	for _, name := range names {
		ok, err := removeStale(name, o)
		if ok {
			removed = append(removed, name)
		}
		if err != nil {
			errs = append(errs, wrap("remove", name, err))
		}
	}
	return removed, errors.Join(errs...)
}

// removeStale removes a segment if it is stale. It is no error if this process must not open
// the file, or if it is no segment.
func removeStale(name string, o Options) (bool, error) {
	path := o.path(name)
	f, err := openSegment(path)
	if err != nil {
		return false, unlessForeign(err)
	}
	defer f.Close()
	atStep(stepFound)
	if info, err := f.Stat(); err != nil || trust(info, o.TrustedUIDs) != nil {
		return false, err
	}
	if ok, err := f.CloseGate(); !ok {
		return false, err
	}
	defer f.Entered() // a child that has inherited the file would keep the gate closed
	if ok, err := named(f.File, path); !ok {
		return false, err
	}
	if ok, err := abandoned(f, o); !ok {
		return false, unlessForeign(err)
	}
	atStep(stepVacant)
	if err := unlink(path); err != nil {
		return false, fmt.Errorf("stale: %w", err)
	}
	return true, nil
}

// unlessForeign returns err if it is not about what this process has nothing to do with.
func unlessForeign(err error) error {
	for _, foreign := range []error{fs.ErrNotExist, fs.ErrPermission, ErrCorrupt, ErrMismatch, ErrUntrusted} {
		if errors.Is(err, foreign) {
			return nil
		}
	}
	return err
}

// abandoned reports whether nobody alive is attached to the segment in f, and somebody has
// died who was.
func abandoned(f *liveness.File, o Options) (bool, error) {
	info, err := f.Stat()
	if err != nil {
		return false, err
	}
	if info.Size() < layout.TableOff || info.Size() > layout.MaxFile {
		return false, nil
	}
	// Only as far as the process table: nobody has to be able to map the rest.
	mem, err := mapping.View(f.File, int(min(info.Size(), layout.TableOff+layout.MaxProcs*layout.SlotSize)))
	if err != nil {
		return false, err
	}
	defer mapping.Unview(mem)
	died := false
	err = guarded(func() error {
		h, err := layout.Decode(mem, info.Size())
		if err != nil {
			return err
		}
		table := liveness.View(f, h.Table(mem))
		for slot := range table.Slots() {
			r := table.Record(slot)
			switch {
			case r.ID == 0:
			case !r.Dead:
				died = false
				return nil
			default:
				died = died || r.Whole && !r.Left // who only held the slot has its own
			}
		}
		return nil
	})
	return died && err == nil, err
}
