package segment

import (
	"math"
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/isthmus-go/isthmus/internal/layout"
	"github.com/isthmus-go/isthmus/internal/proctest"
)

func TestSpace(t *testing.T) {
	proctest.NoLeaks(t)
	dirs := []string{t.TempDir(), proctest.Dir(t)}
	for _, dir := range dirs {
		var st unix.Statfs_t
		if err := unix.Statfs(dir, &st); err != nil {
			t.Fatal(err)
		}
		size := int64(st.Bfree)*int64(st.Frsize) + 1<<30
		if size > min(layout.MaxFile, math.MaxInt)/2 {
			t.Logf("the free space in %s is more than a segment can have", dir)
			continue
		}
		_, err := Create("large", size, &Options{Dir: dir})
		proctest.WantError(t, dir, err, ErrSpace, `create segment "large"`)
		proctest.WantError(t, dir, err, unix.ENOSPC)
		_, err = OpenOrCreate("large", size, &Options{Dir: dir})
		proctest.WantError(t, dir, err, ErrSpace, `segment "large"`)
		if got := files(t, dir); got != "" {
			t.Errorf("files in %s are %q", dir, got)
		}
	}
	if layout.MaxFile > math.MaxInt {
		return
	}
	_, err := Anonymous(layout.MaxFile/2, nil)
	proctest.WantError(t, "Anonymous", err, ErrSpace, `create segment "anonymous"`)
}

// TestReserved checks that the space is there, and not only the size.
func TestReserved(t *testing.T) {
	dirs := []string{t.TempDir(), proctest.Dir(t)}
	for _, dir := range dirs {
		s := mustCreate(t, "reserved", &Options{Dir: dir})
		info, err := os.Stat((&Options{Dir: dir}).path("reserved"))
		if err != nil {
			t.Fatal(err)
		}
		st := new(unix.Stat_t)
		if err := unix.Stat((&Options{Dir: dir}).path("reserved"), st); err != nil {
			t.Fatal(err)
		}
		if info.Size() != int64(s.header.FileSize) || st.Blocks*512 < info.Size() {
			t.Errorf("in %s the file has %d bytes, %d of them allocated, want %d", dir, info.Size(), st.Blocks*512, s.header.FileSize)
		}
	}
}

func TestWriteZeros(t *testing.T) {
	f, err := os.CreateTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	const size = 3<<20 + 4096
	if err := writeZeros(f, size); err != nil {
		t.Fatal(err)
	}
	if info, err := f.Stat(); err != nil || info.Size() != size {
		t.Errorf("size is %d, %v", info.Size(), err)
	}
}
