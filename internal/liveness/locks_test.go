package liveness

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"sync/atomic"
	"testing"

	"github.com/isthmus-go/isthmus/internal/layout"
	"github.com/isthmus-go/isthmus/internal/proctest"
)

func TestCreationLock(t *testing.T) {
	eachKind(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "table")
		a := mustAttach(t, path, 2)
		b := mustAttach(t, path, 2)
		done := make(chan error)
		for _, table := range []*Table{a, a, b, b} {
			go func() {
				for range 50 {
					err := table.WithCreationLock(func() error {
						rounds := layout.At[atomic.Uint32](table.mem, offReserved)
						n := rounds.Load()
						runtime.Gosched()
						rounds.Store(n + 1)
						return nil
					})
					if err != nil {
						done <- err
						return
					}
				}
				done <- nil
			}()
		}
		for range 4 {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
		if n := layout.At[atomic.Uint32](a.mem, offReserved).Load(); n != 200 {
			t.Errorf("%d of 200 rounds counted", n)
		}

		if err := a.Close(); err != nil {
			t.Fatal(err)
		}
		if err := a.WithCreationLock(func() error { return nil }); err == nil {
			t.Error("creation lock of a closed table")
		}
		if err := b.WithCreationLock(func() error { return nil }); err != nil {
			t.Error(err)
		}
	})
}

// TestSettle checks that Settle waits for who is inside.
func TestSettle(t *testing.T) {
	a := mustAttach(t, filepath.Join(t.TempDir(), "table"), 1)
	inside, left := make(chan struct{}), make(chan error)
	done := false
	go func() {
		left <- a.WithCreationLock(func() error {
			close(inside)
			for range 100 {
				runtime.Gosched()
			}
			done = true
			return nil
		})
	}()
	<-inside
	a.Settle()
	if !done {
		t.Error("Settle has not waited")
	}
	if err := <-left; err != nil {
		t.Error(err)
	}
}

// TestSettleWhileWaiting has somebody wait for the creation lock, which another process
// may have for ever: Settle does not wait for that, and nobody gets in afterwards.
func TestSettleWhileWaiting(t *testing.T) {
	asked, free := make(chan struct{}), make(chan struct{})
	a := &Table{locks: &scripted{waits: func() { close(asked); <-free }}}
	inside := false
	left := proctest.Go(func() error {
		return a.WithCreationLock(func() error { inside = true; return nil })
	})
	<-asked
	settled := proctest.Go(func() error { a.Settle(); return nil })
	proctest.Check(t, proctest.Result(t, settled))
	close(free)
	if err := proctest.Result(t, left); !errors.Is(err, os.ErrClosed) || inside {
		t.Errorf("after Settle: %v, and it was inside: %v", err, inside)
	}
}

func TestDraftLock(t *testing.T) {
	eachKind(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "draft")
		take := func() *File {
			f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
			if err != nil {
				t.Fatal(err)
			}
			file, err := Take(f)
			if err != nil {
				t.Fatal(err)
			}
			return file
		}
		a, b := take(), take()
		if ok, err := a.TryDraft(); !ok || err != nil {
			t.Errorf("first TryDraft: %v, %v", ok, err)
		}
		if ok, err := b.TryDraft(); ok || err != nil {
			t.Errorf("second TryDraft: %v, %v", ok, err)
		}
		a.Close()
		if ok, err := b.TryDraft(); !ok || err != nil {
			t.Errorf("TryDraft after Close: %v, %v", ok, err)
		}
		b.Close()
	})
}
