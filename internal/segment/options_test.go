package segment

import (
	"io/fs"
	"os"
	"runtime"
	"testing"

	"github.com/isthmus-go/isthmus/internal/layout"
	"github.com/isthmus-go/isthmus/internal/proctest"
)

// TestMustExist opens a segment without leave to make objects.
func TestMustExist(t *testing.T) {
	proctest.Dir(t)
	maker := mustCreate(t, "s", nil)
	s, err := Open("s", &Options{MustExist: true})
	s = must(t, s, err)
	lock := Spec{Kind: layout.KindLock, Name: "x", Size: 64}
	_, err = s.Object(lock)
	proctest.WantError(t, "before", err, fs.ErrNotExist, `lock "x" in segment "s"`, "does not exist")
	o := mustObject(t, maker, lock)
	if found := mustObject(t, s, lock); found.Created || found.Off != o.Off {
		t.Errorf("made %+v, found %+v", o, found)
	}
	if next := mustObject(t, maker, Spec{Kind: layout.KindLock, Name: "y", Size: 64}); next.Off != o.Off+layout.ObjectAlign {
		t.Errorf("the look-up has left something: the next object lies at %d", next.Off)
	}
}

// TestVersion opens a segment with another number than it has.
func TestVersion(t *testing.T) {
	proctest.NoLeaks(t)
	proctest.Dir(t)
	made, err := Create("s", testSize, &Options{Version: 7})
	must(t, made, err)
	defer Remove("s", nil)
	for _, o := range []*Options{nil, {Version: 8}} {
		_, err := Open("s", o)
		proctest.WantError(t, "Open", err, ErrMismatch, `segment "s"`, "has version 7")
		_, err = OpenOrCreate("s", testSize, o)
		proctest.WantError(t, "OpenOrCreate", err, ErrMismatch, `segment "s"`, "has version 7")
	}
	same, err := OpenOrCreate("s", testSize, &Options{Version: 7})
	must(t, same, err)
}

// TestReplaced removes a segment, and makes another of its name.
func TestReplaced(t *testing.T) {
	proctest.NoLeaks(t)
	proctest.Dir(t)
	needFileIDs(t)
	made := mustCreate(t, "s", nil)
	opened := mustOpen(t, "s")
	if made.Replaced() || opened.Replaced() {
		t.Error("replaced by nobody")
	}
	if err := Remove("s", nil); err != nil {
		t.Fatal(err)
	}
	if !made.Replaced() || !opened.Replaced() {
		t.Error("removed, and nobody knows")
	}
	next := mustCreate(t, "s", nil)
	if !made.Replaced() || !opened.Replaced() || next.Replaced() {
		t.Error("there is another segment of the name, and nobody knows")
	}
	either, err := OpenOrCreate("s", testSize, nil)
	if must(t, either, err); either.Replaced() {
		t.Error("opened by OpenOrCreate, and replaced by nobody")
	}
	if err := Remove("s", nil); err != nil {
		t.Fatal(err)
	}
	if !either.Replaced() {
		t.Error("opened by OpenOrCreate and removed, and nobody knows")
	}
	either, err = OpenOrCreate("s", testSize, nil)
	if must(t, either, err); either.Replaced() {
		t.Error("made by OpenOrCreate, and replaced by nobody")
	}
}

// needFileIDs skips the test where the path of a file that is in use as a segment's does
// not lead to its identity: under Wine 8.
func needFileIDs(t *testing.T) {
	t.Helper()
	s := mustCreate(t, "identity", nil)
	named, err := os.Lstat(s.path)
	proctest.Check(t, err)
	same := os.SameFile(s.info, named)
	proctest.Check(t, s.Close())
	proctest.Check(t, Remove("identity", nil))
	if runtime.GOOS == "windows" && !same {
		t.Skip("the system does not say by a path which file is there (Wine 8)")
	}
}
