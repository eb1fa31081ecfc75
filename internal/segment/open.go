package segment

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/isthmus-go/isthmus/internal/layout"
	"github.com/isthmus-go/isthmus/internal/liveness"
	"github.com/isthmus-go/isthmus/internal/mapping"
)

// Open opens a segment that exists.
func Open(name string, opts *Options) (*Segment, error) {
	s, err := open(name, opts)
	return s, wrap("open", name, err)
}

// Remove removes the name of a segment. Who has it open goes on.
func Remove(name string, opts *Options) error {
	return wrap("remove", name, remove(name, opts))
}

// List returns the names of the segments in the directory, sorted.
func List(opts *Options) ([]string, error) {
	o, err := opts.withDefaults()
	if err != nil {
		return nil, fmt.Errorf("isthmus: list segments: %w", err)
	}
	files, err := os.ReadDir(o.Dir)
	if err != nil {
		return nil, fmt.Errorf("isthmus: list segments: %w", err)
	}
	var names []string
	for _, f := range files {
		if name, ok := strings.CutPrefix(f.Name(), filePrefix); ok && f.Type().IsRegular() && checkName(name) == nil {
			names = append(names, name)
		}
	}
	return names, nil
}

func remove(name string, opts *Options) error {
	if err := checkName(name); err != nil {
		return err
	}
	o, err := opts.withDefaults()
	if err != nil {
		return err
	}
	path := o.path(name)
	for range openAttempts {
		f, err := openSegment(path)
		if err != nil {
			return unlink(path) // what nobody can open, nobody enters
		}
		// Nobody else who has seen this file by that name is about to remove another in its
		// place: see stale.go. What cannot be locked is removed all the same.
		err = enter(f, path)
		locked := err == nil || errors.Is(err, errMoved)
		if !errors.Is(err, errMoved) {
			err = unlink(path)
		}
		if locked {
			err = errors.Join(err, f.Entered())
		}
		err = errors.Join(err, f.Close())
		if !errors.Is(err, errMoved) {
			return err
		}
	}
	return errMoved
}

// openSegment opens the file at path, which may be anything.
func openSegment(path string) (*liveness.File, error) { return takeFile(openFile, path) }

// named reports whether path is the name of the file f.
func named(f *os.File, path string) (bool, error) {
	there, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	here, herr := f.Stat()
	if err := errors.Join(err, herr); err != nil {
		return false, err
	}
	// Under Wine, a path does not lead to the identity of a file: then one is not even the
	// same as itself.
	return os.SameFile(there, here) || !os.SameFile(there, there), nil
}

func open(name string, opts *Options) (*Segment, error) {
	if err := checkName(name); err != nil {
		return nil, err
	}
	o, err := opts.withDefaults()
	if err != nil {
		return nil, err
	}
	path := o.path(name)
	for range openAttempts {
		file, err := openSegment(path)
		if err != nil {
			return nil, err
		}
		s, err := adopt(name, path, file, o)
		if err == nil {
			s.path = path
		}
		if !errors.Is(err, errMoved) {
			return s, err
		}
	}
	return nil, errMoved
}

// errMoved says that the file was opened by a name that it does not have any more.
var errMoved = errors.New("file was replaced")

// openAttempts is how often a segment may be replaced while it is opened.
const openAttempts = 1000

// adopt attaches to the segment in f, if that still has its path, or has none. It owns f,
// even if it fails.
func adopt(name, path string, f *liveness.File, o Options) (*Segment, error) {
	m, h, err := validate(f, o)
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	if err := enter(f, path); err != nil {
		return nil, errors.Join(err, m.Unmap(), f.Close())
	}
	s, err := newSegment(name, f, m, h, o)
	if err != nil {
		return nil, err
	}
	if err := f.Entered(); err != nil {
		s.discard()
		return nil, err
	}
	return s, nil
}

// enter passes the gate: until Entered, nobody finds that nobody is attached, and takes the
// name away because of that.
func enter(f *liveness.File, path string) error {
	if err := f.Enter(); err != nil {
		return fmt.Errorf("gate: %w", err)
	}
	atStep(stepEntered)
	if path == "" {
		return nil
	}
	ok, err := named(f.File, path)
	if err == nil && !ok {
		err = errMoved
	}
	return err
}

func validate(f *liveness.File, o Options) (*mapping.Mapping, layout.Header, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, layout.Header{}, err
	}
	if err := trust(info, o.TrustedUIDs); err != nil {
		return nil, layout.Header{}, err
	}
	size := info.Size()
	if size < layout.HeaderSize || size > layout.MaxFile || size > math.MaxInt {
		return nil, layout.Header{}, fmt.Errorf("file has %d bytes: %w", size, ErrCorrupt)
	}
	m, err := mapping.Map(f.File, int(size))
	if err != nil {
		return nil, layout.Header{}, err
	}
	h, err := layout.Decode(m.Bytes(), size)
	if err != nil {
		return nil, h, errors.Join(err, m.Unmap())
	}
	if h.AppVersion != o.Version {
		err := fmt.Errorf("segment has version %d, asked for %d: %w", h.AppVersion, o.Version, ErrMismatch)
		return nil, h, errors.Join(err, m.Unmap())
	}
	return m, h, nil
}

// trust refuses a file that somebody else may have made to harm us.
func trust(info fs.FileInfo, uids []int) error {
	if !info.Mode().IsRegular() {
		return notRegular(info)
	}
	if uid, ok := owner(info); ok && !slices.Contains(uids, uid) {
		if overflow, ok := overflowUID(); ok && uid == overflow {
			return fmt.Errorf("file belongs to uid %d, as which all users appear that have no other here: %w", uid, ErrUntrusted)
		}
		if uid != os.Geteuid() {
			return fmt.Errorf("file belongs to uid %d: %w", uid, ErrUntrusted)
		}
	}
	if info.Mode()&0o200 == 0 {
		return fmt.Errorf("file is read-only: %w", fs.ErrPermission)
	}
	return nil
}

func notRegular(info fs.FileInfo) error {
	what := "special file"
	switch {
	case info.IsDir():
		what = "directory"
	case info.Mode()&fs.ModeSymlink != 0:
		what = "symbolic link"
	}
	return fmt.Errorf("%s is a %s: %w", filepath.Base(info.Name()), what, ErrCorrupt)
}
