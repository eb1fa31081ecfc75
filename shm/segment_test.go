package shm_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/shm"
)

func TestSegment(t *testing.T) {
	opts := &shm.Options{Dir: proctest.Dir(t), MaxProcs: 2}
	t.Setenv("ISTHMUS_DIR", t.TempDir())
	a, err := shm.Create("a", 5000, opts)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	if a.Name() != "a" || a.Size() != 8192 || a.File() != nil {
		t.Errorf("segment is %q of %d bytes in file %v", a.Name(), a.Size(), a.File())
	}
	b, err := shm.OpenOrCreate("a", 5000, opts)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := shm.Open("a", opts); !errors.Is(err, shm.ErrNoRoom) {
		t.Errorf("third Open of two: %v", err)
	}
	if err := b.Close(); err != nil {
		t.Error(err)
	}
	if err := b.Close(); !errors.Is(err, shm.ErrSegmentClosed) {
		t.Errorf("second Close: %v", err)
	}
	if names, err := shm.List(opts); !slices.Equal(names, []string{"a"}) || err != nil {
		t.Errorf("List = %q, %v", names, err)
	}
	if err := shm.Remove("a", opts); err != nil {
		t.Error(err)
	}
	if err := shm.Remove("a", opts); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("second Remove: %v", err)
	}
}

func TestSegmentErrors(t *testing.T) {
	opts := &shm.Options{Dir: t.TempDir()}
	if err := os.WriteFile(filepath.Join(opts.Dir, "isthmus.junk"), make([]byte, 10000), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name string
		is   error
		do   func(name string) (*shm.Segment, error)
	}{
		{"a/b", shm.ErrName, func(name string) (*shm.Segment, error) { return shm.Create(name, 4096, opts) }},
		{"a", shm.ErrSize, func(name string) (*shm.Segment, error) { return shm.Create(name, 0, opts) }},
		{"a", fs.ErrInvalid, func(name string) (*shm.Segment, error) {
			return shm.Create(name, 4096, &shm.Options{Dir: opts.Dir, Mode: 0o400})
		}},
		{"a", fs.ErrNotExist, func(name string) (*shm.Segment, error) { return shm.Open(name, opts) }},
		{"junk", shm.ErrCorrupt, func(name string) (*shm.Segment, error) { return shm.Open(name, opts) }},
		{"junk", shm.ErrCorrupt, func(name string) (*shm.Segment, error) { return shm.OpenOrCreate(name, 4096, opts) }},
		{"junk", fs.ErrExist, func(name string) (*shm.Segment, error) { return shm.Create(name, 4096, opts) }},
	} {
		if s, err := test.do(test.name); s != nil || !errors.Is(err, test.is) {
			t.Errorf("%s: %v, want %v", test.name, err, test.is)
		}
	}
}

func TestAnonymousSegment(t *testing.T) {
	a, err := shm.Anonymous(4096, nil)
	if errors.Is(err, errors.ErrUnsupported) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	b, err := shm.FromFile(a.File(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	if a.File() == nil || b.File() != nil || a.Name() != b.Name() {
		t.Errorf("files are %v and %v, names %q and %q", a.File(), b.File(), a.Name(), b.Name())
	}
}
