package segment

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/isthmus-go/isthmus/internal/layout"
	"github.com/isthmus-go/isthmus/internal/proctest"
)

func TestMain(m *testing.M) { proctest.Main(m) }

const testSize = 8 * layout.PageSize

func must(t *testing.T, s *Segment, err error) *Segment {
	t.Helper()
	if errors.Is(err, errors.ErrUnsupported) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func mustCreate(t *testing.T, name string, opts *Options) *Segment {
	t.Helper()
	s, err := Create(name, testSize, opts)
	if err == nil {
		t.Cleanup(func() { Remove(name, opts) })
	}
	return must(t, s, err)
}

func mustOpen(t *testing.T, name string) *Segment {
	t.Helper()
	s, err := Open(name, nil)
	return must(t, s, err)
}

func mustObject(t *testing.T, s *Segment, spec Spec) Object {
	t.Helper()
	o, err := s.Object(spec)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// files returns the names of the files in dir.
func files(t *testing.T, dir string) string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, path := range paths {
		if runtime.GOOS == "windows" && strings.HasPrefix(filepath.Base(path), ".isthmus-draft-") {
			continue // removed, and mapped by somebody yet
		}
		names = append(names, filepath.Base(path))
	}
	return strings.Join(names, " ")
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
