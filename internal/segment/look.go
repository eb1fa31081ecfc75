package segment

import (
	"fmt"
	"io/fs"
	"math"
	"os"
	"runtime/debug"
	"time"

	"github.com/isthmus-go/isthmus/internal/layout"
	"github.com/isthmus-go/isthmus/internal/liveness"
	"github.com/isthmus-go/isthmus/internal/mapping"
)

// View is a segment file to look at, whatever is in it.
type View struct {
	Path    string
	Info    fs.FileInfo
	UID     int       // of its owner, -1 if that is not known
	Created time.Time // zero if that is not known
	Mem     []byte    // all of the file, to be read only
	File    *liveness.File
}

// Named reports whether the file still has its name. Where that cannot be told, it has.
func (v View) Named() bool {
	ok, err := named(v.File.File, v.Path)
	return ok || err != nil
}

// Look calls read with the file of a segment, which nobody else notices. If the file is cut
// off under read, Look fails with ErrCorrupt.
func Look(name string, opts *Options, read func(View) error) error {
	return wrap("inspect", name, look(name, opts, read))
}

func look(name string, opts *Options, read func(View) error) error {
	if err := checkName(name); err != nil {
		return err
	}
	o, err := opts.withDefaults()
	if err != nil {
		return err
	}
	path := o.path(name)
	f, err := takeFile(openToRead, path)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return notRegular(info)
	}
	if size := info.Size(); size == 0 || size > layout.MaxFile || size > math.MaxInt {
		return fmt.Errorf("file has %d bytes: %w", size, ErrCorrupt)
	}
	v := View{Path: path, Info: info, UID: -1, Created: created(f.File), File: f}
	if uid, ok := owner(info); ok {
		v.UID = uid
	}
	if v.Mem, err = mapping.View(f.File, int(info.Size())); err != nil {
		return err
	}
	defer mapping.Unview(v.Mem)
	return guarded(func() error { return read(v) })
}

// takeFile opens the file at path, which may be anything.
func takeFile(open func(string) (*os.File, error), path string) (*liveness.File, error) {
	f, err := open(path)
	if err != nil {
		if info, lerr := os.Lstat(path); lerr == nil && !info.Mode().IsRegular() {
			err = notRegular(info)
		}
		return nil, err
	}
	return liveness.Take(f)
}

// guarded calls f, and fails with ErrCorrupt if f touches mapped memory that has no file
// behind it any more. Under the race detector, whose code in C then does the reading, such a
// fault ends the process.
func guarded(f func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if r := recover(); r != nil {
			if _, fault := r.(interface{ Addr() uintptr }); !fault {
				panic(r)
			}
			err = fmt.Errorf("file was cut off: %w", ErrCorrupt)
		}
	}()
	return f()
}
