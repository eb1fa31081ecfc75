package segment

import (
	"io/fs"
	"math/bits"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/isthmus-go/isthmus/internal/layout"
	"github.com/isthmus-go/isthmus/internal/proctest"
)

func writeFile(t *testing.T, dir, name string, b []byte) {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.Remove(path) })
}

func TestBadFiles(t *testing.T) {
	proctest.NoLeaks(t)
	dir := proctest.Dir(t)
	mustCreate(t, "good", nil)
	good := read(t, filepath.Join(dir, filePrefix+"good"))
	noise := make([]byte, len(good))
	for i := range noise {
		noise[i] = byte(rand.Uint32())
	}
	// Where the header has what: see package layout.
	changed := func(off int, b byte) []byte {
		c := append([]byte(nil), good...)
		c[off] = b
		return c
	}
	foreign := append([]byte(nil), good...)
	foreign[8], foreign[9], foreign[10], foreign[11] = good[11], good[10], good[9], good[8]
	versionLow := 12 // of a little-endian machine
	if good[8] == 1 {
		versionLow = 15
	}

	for _, test := range []struct {
		name string
		file []byte
		is   error
		part string
	}{
		{"empty", nil, ErrCorrupt, "file has 0 bytes"},
		{"stub", good[:100], ErrCorrupt, "file has 100 bytes"},
		{"header only", good[:layout.HeaderSize], ErrCorrupt, "file has 4096 bytes of"},
		{"truncated", good[:len(good)-1], ErrCorrupt, "bytes of"},
		{"extended", append(good[:len(good):len(good)], 0), ErrCorrupt, "bytes of"},
		{"zeros", make([]byte, len(good)), ErrCorrupt, "no segment header"},
		{"random", noise, ErrCorrupt, "no segment header"},
		{"text", []byte("ISTHMUS\n"), ErrCorrupt, "file has 8 bytes"},
		{"older version", changed(versionLow, 0), ErrMismatch, "layout version is 0, this program's is 8"},
		{"foreign byte order", foreign, ErrMismatch, "byte order is"},
		{"foreign word size", changed(versionLow+4, byte(96-bits.UintSize)), ErrMismatch, "word size is"},
	} {
		writeFile(t, dir, filePrefix+test.name, test.file)
		_, err := Open(test.name, nil)
		proctest.WantError(t, test.name, err, test.is, `open segment "`+test.name+`"`, test.part)
		_, err = OpenOrCreate(test.name, testSize, nil)
		proctest.WantError(t, test.name, err, test.is, `segment "`+test.name+`"`, test.part)
		_, err = Create(test.name, testSize, nil)
		proctest.WantError(t, test.name, err, fs.ErrExist, `create segment "`+test.name+`"`)
		if err := Remove(test.name, nil); err != nil {
			t.Error(err)
		}
	}
}

// TestDamage changes every byte of the header and checks that Open either
// refuses the file or has a Segment that works.
func TestDamage(t *testing.T) {
	proctest.NoLeaks(t)
	dir := proctest.Dir(t)
	s := mustCreate(t, "damaged", &Options{MaxProcs: 2, MaxObjects: 2})
	mustObject(t, s, Spec{Kind: layout.KindLock, Name: "x", Size: 8})
	good := read(t, filepath.Join(dir, filePrefix+"damaged"))
	Remove("damaged", nil)
	directory := s.header.DirOff
	for off := range good {
		if off >= 128 && (off < directory || off >= directory+layout.EntrySize) {
			continue
		}
		bad := append([]byte(nil), good...)
		bad[off] ^= byte(1 + rand.IntN(255))
		path := filepath.Join(dir, filePrefix+"damaged")
		if err := os.WriteFile(path, bad, 0o600); err != nil {
			t.Fatal(err)
		}
		if s, err := Open("damaged", nil); err == nil {
			s.Object(Spec{Kind: layout.KindLock, Name: "x", Size: 8})
			s.Object(Spec{Kind: layout.KindLock, Name: "y", Size: 8})
			s.Close()
		}
		if err := Remove("damaged", nil); err != nil {
			t.Fatal(err)
		}
	}
}

func TestNotRegular(t *testing.T) {
	proctest.NoLeaks(t)
	dir := proctest.Dir(t)
	mustCreate(t, "target", nil)
	if err := os.Mkdir(filepath.Join(dir, filePrefix+"directory"), 0o700); err != nil {
		t.Fatal(err)
	}
	defer os.Remove(filepath.Join(dir, filePrefix+"directory"))
	kinds := map[string]string{"directory": "is a directory"}
	for name, target := range map[string]string{"link": filePrefix + "target", "dangling": "nothing"} {
		path := filepath.Join(dir, filePrefix+name)
		if err := os.Symlink(target, path); err != nil {
			t.Logf("no symbolic links here: %v", err)
			continue
		}
		if info, err := os.Lstat(path); err != nil || info.Mode()&fs.ModeSymlink == 0 {
			t.Logf("no symbolic links here: %v, %v", info, err) // Wine makes something else
			os.RemoveAll(path)
			continue
		}
		defer os.Remove(path)
		kinds[name] = "is a symbolic link"
	}
	if makeFIFO(filepath.Join(dir, filePrefix+"fifo")) == nil {
		defer os.Remove(filepath.Join(dir, filePrefix+"fifo"))
		kinds["fifo"] = "is a special file"
	}
	for name, part := range kinds {
		_, err := Open(name, nil)
		proctest.WantError(t, name, err, ErrCorrupt, `open segment "`+name+`"`, part)
		_, err = OpenOrCreate(name, testSize, nil)
		proctest.WantError(t, name, err, ErrCorrupt, `segment "`+name+`"`, part)
		_, err = Create(name, testSize, nil)
		proctest.WantError(t, name, err, fs.ErrExist, `create segment "`+name+`"`)
	}
	if err := Remove("directory", nil); err == nil {
		t.Error("Remove has removed a directory")
	}
}

func TestReadOnly(t *testing.T) {
	proctest.NoLeaks(t)
	dir := proctest.Dir(t)
	mustCreate(t, "frozen", nil)
	path := filepath.Join(dir, filePrefix+"frozen")
	whole := read(t, path)
	Remove("frozen", nil)
	if err := os.WriteFile(path, whole, 0o400); err != nil {
		t.Fatal(err)
	}
	defer os.Chmod(path, 0o600)
	_, err := Open("frozen", nil)
	proctest.WantError(t, "Open", err, fs.ErrPermission, `open segment "frozen"`)
	_, err = OpenOrCreate("frozen", testSize, nil)
	proctest.WantError(t, "OpenOrCreate", err, fs.ErrPermission, `segment "frozen"`)
}
