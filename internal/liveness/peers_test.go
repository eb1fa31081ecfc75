package liveness

import (
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/isthmus-go/isthmus/internal/layout"
)

// TestLeft has owners of one slot follow each other, each of whom leaves (l) or dies
// (d), and asks after each step how those before have ended.
func TestLeft(t *testing.T) {
	for _, ends := range []string{"lll", "ddd", "ldd", "dld", "ddl", "lld", "dll"} {
		t.Run(ends, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "table")
			a := mustAttach(t, path, 2)
			var ids []ID
			check := func() {
				t.Helper()
				for i, id := range ids {
					if !a.Dead(id) || a.Left(1, id) != (ends[i] == 'l') {
						t.Errorf("after %d: owner %d is dead %v, has left %v", len(ids), i, a.Dead(id), a.Left(1, id))
					}
				}
			}
			for _, end := range ends {
				b := mustAttach(t, path, 2)
				check()
				if b.Slot() != 1 || len(a.Peers()) != 2 {
					t.Fatalf("slot %d, peers %v", b.Slot(), a.Peers())
				}
				if end == 'l' {
					b.Leave()
				}
				b.Close()
				ids = append(ids, b.ID())
				check()
			}
		})
	}
}

// TestLeftUnknown is the one case in which who has left is taken for dead.
func TestLeftUnknown(t *testing.T) {
	path := filepath.Join(t.TempDir(), "table")
	a := mustAttach(t, path, 2)
	var first ID
	for i, leave := range []bool{true, false, true} {
		b := mustAttach(t, path, 2)
		if leave {
			b.Leave()
		}
		b.Close()
		if i == 0 {
			first = b.ID()
		}
	}
	if a.Left(1, first) {
		t.Error("it is known after all: the docs of shm.Segment.WatchPeers say that it is not")
	}
}

// TestLeftWhileHeld has the slot of a dead owner be held, and its holder die there.
func TestLeftWhileHeld(t *testing.T) {
	path := filepath.Join(t.TempDir(), "table")
	a, h, b := mustAttach(t, path, 3), mustAttach(t, path, 3), mustAttach(t, path, 3)
	b.Close()
	h.Hold(b.Slot(), func() {
		if a.Left(b.Slot(), b.ID()) {
			t.Error("who has died has left, while its slot is held")
		}
		h.Close()
	})
	for range 2 {
		mustAttach(t, path, 3)
		if a.Left(b.Slot(), b.ID()) {
			t.Error("who has died has left, since the holder of its slot has died")
		}
	}
}

// TestLateMourning has one who finds a slot free be late: others have had it, and left.
func TestLateMourning(t *testing.T) {
	path := filepath.Join(t.TempDir(), "table")
	a, b := mustAttach(t, path, 2), mustAttach(t, path, 2)
	b.Leave()
	b.Close()
	c := mustAttach(t, path, 2)
	c.Leave()
	c.Close()
	if a.takeSlot(b.Slot(), b.ID()) {
		t.Fatal("a slot is taken from one who has not got it any more")
	}
	if !a.Left(b.Slot(), b.ID()) || !a.Left(c.Slot(), c.ID()) {
		t.Error("who has left is dead")
	}
}

// TestPeers has the table name who is alive, and not who is about to be, nor a pid of
// another namespace.
func TestPeers(t *testing.T) {
	path := filepath.Join(t.TempDir(), "table")
	a, b := mustAttach(t, path, 3), mustAttach(t, path, 3)
	check := func(what string, want ...Peer) {
		t.Helper()
		got := a.Peers()
		if len(got) != len(want) {
			t.Fatalf("%s: %+v", what, got)
		}
		for i := range got {
			if got[i] != want[i] {
				t.Errorf("%s: %+v, want %+v", what, got[i], want[i])
			}
		}
	}
	pa, pb := Peer{a.ID(), 0, os.Getpid()}, Peer{b.ID(), 1, os.Getpid()}
	check("two", pa, pb)
	namespace := b.word(1, offNamespace)
	home := namespace.Load()
	if home != 0 { // there are such things
		namespace.Store(home + 1)
		check("another namespace", pa, Peer{b.ID(), 1, 0})
		namespace.Store(home)
	}
	layout.At[atomic.Uint64](b.mem, layout.SlotSize+offProcess).Store(0)
	check("not attached yet", pa)
}

// TestMournLate has somebody record a death late, after that of a later owner of the slot:
// that one's stays.
func TestMournLate(t *testing.T) {
	path := filepath.Join(t.TempDir(), "table")
	a, b := mustAttach(t, path, 2), mustAttach(t, path, 2)
	b.Close()
	died := a.word(1, offDied)
	for _, later := range []uint64{uint64(b.ID()) + 1, uint64(b.ID()), 0} {
		died.Store(later)
		a.mourn(1, b.ID())
		if got := died.Load(); got != max(later, uint64(b.ID())) {
			t.Errorf("the last death is that of %#x, after %#x and %#x", got, later, b.ID())
		}
	}
}
