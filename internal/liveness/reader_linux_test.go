package liveness

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// reader is somebody who may only read a segment's file.
type reader struct{ f *os.File }

func mustRead(t *testing.T, path string) reader {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return reader{f}
}

func (r reader) lock(t *testing.T, id ID) {
	t.Helper()
	l := unix.Flock_t{Type: unix.F_RDLCK, Start: base + int64(id), Len: 1}
	if err := unix.FcntlFlock(r.f.Fd(), unix.F_OFD_SETLK, &l); err != nil {
		t.Fatal(err)
	}
}

// TestForeignLocks locks, as any reader of the file can, the bytes of IDs to come:
// they are left out. That of a dead one does not make it look alive.
func TestForeignLocks(t *testing.T) {
	path := filepath.Join(t.TempDir(), "table")
	a := mustAttach(t, path, 3)
	b := mustAttach(t, path, 3)
	dead := b.ID()
	b.Close()
	r := mustRead(t, path)
	r.lock(t, dead)
	r.lock(t, dead+1)
	if !a.Dead(dead) {
		t.Error("a reader's lock makes the dead look alive")
	}
	c := mustAttach(t, path, 3)
	if c.ID() != dead+2 {
		t.Errorf("ID %d, with the byte of %d locked", c.ID(), dead+1)
	}
	for i := range ID(draws) {
		r.lock(t, c.ID()+1+i)
	}
	if _, _, err := attach(path, 3); !errors.Is(err, ErrFull) {
		t.Errorf("attach with all bytes locked: %v", err)
	}
}
