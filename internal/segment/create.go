package segment

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/isthmus-go/isthmus/internal/layout"
	"github.com/isthmus-go/isthmus/internal/liveness"
	"github.com/isthmus-go/isthmus/internal/mapping"
)

// States of a segment file:
//
//	Draft      has no name, or one that nobody opens; its maker is at work
//	Published  has its name, and is whole
//	Removed    has no name any more; whoever has it open goes on
//
//	Draft     → Published  by its maker: the link
//	Published → Removed    by anybody: Remove
//
// Invariants:
//
//  1. A Published file is whole: sized, reserved, with a valid header, and with
//     the mode that was asked for.
//  2. A name is linked to at most once before it is removed; of several makers,
//     one wins and the others discard their drafts.
//  3. A Draft vanishes with its maker. It has no name (O_TMPFILE); or it has a
//     temporary name and a lock on its draft byte, and is removed by the next
//     one to make a draft in that directory.
//  4. The maker is attached before anyone else can be, so its own attachment
//     does not fail, and no file is published that its maker could not use.
//
// A kill at any step leaves a Draft, for which 3 holds, or a Published file.
//
// Memory orderings: the link publishes the header and the zeroed arena; looking
// the name up is its partner. Both take the directory's lock in the kernel.

// Create makes a segment that does not exist.
func Create(name string, size int64, opts *Options) (*Segment, error) {
	s, err := create(name, size, opts)
	return s, wrap("create", name, err)
}

// OpenOrCreate opens a segment, or makes it if it does not exist.
func OpenOrCreate(name string, size int64, opts *Options) (*Segment, error) {
	s, err := openOrCreate(name, size, opts)
	return s, wrap("open or create", name, err)
}

func create(name string, size int64, opts *Options) (*Segment, error) {
	o, geometry, err := plan(name, size, opts)
	if err != nil {
		return nil, err
	}
	path := o.path(name)
	if _, err := os.Lstat(path); err == nil { // spares the work; the link decides
		return nil, &fs.PathError{Op: "create", Path: path, Err: fs.ErrExist}
	}
	d, err := newDraft(o.Dir)
	if err != nil {
		return nil, err
	}
	atStep(stepDrafted)
	s, err := build(name, d.file, geometry, o)
	if err != nil {
		return nil, errors.Join(err, d.discard())
	}
	if err := d.publish(path); err != nil {
		s.discard()
		return nil, errors.Join(err, d.discard())
	}
	atStep(stepPublished)
	s.path = path
	return s, nil
}

func openOrCreate(name string, size int64, opts *Options) (*Segment, error) {
	_, geometry, err := plan(name, size, opts)
	if err != nil {
		return nil, err
	}
	// Each turn, somebody else has removed the segment or made it.
	for {
		s, err := open(name, opts)
		if err == nil && s.header.ArenaSize < geometry.ArenaSize {
			s.discard()
			return nil, fmt.Errorf("exists with room for %d bytes, asked for %d: %w", s.header.ArenaSize, geometry.ArenaSize, ErrMismatch)
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return s, err
		}
		s, err = create(name, size, opts)
		if !errors.Is(err, fs.ErrExist) {
			return s, err
		}
	}
}

// plan validates everything that a caller can get wrong.
func plan(name string, size int64, opts *Options) (Options, layout.Geometry, error) {
	if err := checkName(name); err != nil {
		return Options{}, layout.Geometry{}, err
	}
	return planSize(size, opts)
}

func planSize(size int64, opts *Options) (Options, layout.Geometry, error) {
	o, err := opts.withDefaults()
	if err != nil {
		return Options{}, layout.Geometry{}, err
	}
	g, err := layout.Compute(size, o.MaxProcs, o.MaxObjects)
	return o, g, err
}

// build makes the empty file f a segment. It owns f, even if it fails.
func build(name string, f *liveness.File, g layout.Geometry, o Options) (*Segment, error) {
	m, err := fill(f, g, o)
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	h := layout.Header{Geometry: g, AppVersion: o.Version}
	if canBarrier() {
		h.Flags |= layout.FlagAsymmetric
	}
	h.Encode(m.Bytes())
	atStep(stepFilled)
	return newSegment(name, f, m, h, o)
}

func fill(f *liveness.File, g layout.Geometry, o Options) (*mapping.Mapping, error) {
	if err := f.Chmod(o.Mode); err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if err := trust(info, o.TrustedUIDs); err != nil { // Open would refuse it
		return nil, err
	}
	if err := reserve(f.File, int64(g.FileSize)); err != nil {
		return nil, fmt.Errorf("%d bytes: %w: %w", g.FileSize, ErrSpace, err)
	}
	return mapping.Map(f.File, g.FileSize)
}
