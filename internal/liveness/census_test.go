package liveness

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/isthmus-go/isthmus/internal/proctest"
)

// TestCensus has owners come and die: each time the census is another one.
func TestCensus(t *testing.T) {
	path := filepath.Join(t.TempDir(), "table")
	attach := func() *Table { return mustAttach(t, path, 8) }
	a, s, c := attach(), attach(), attach() // with the IDs 1, 2 and 3
	seen := map[uint64]string{}
	another := func(what string) {
		t.Helper()
		n := s.Census(0)
		if n != s.Census(0) || n != s.Census(time.Hour) {
			t.Errorf("%s: the census changes by itself", what)
		}
		if before, ok := seen[n]; ok {
			t.Errorf("%s: the census is that of %s", what, before)
		}
		seen[n] = what
	}
	another("three")
	a.Close()
	c.Close()
	another("two have died")
	b := attach() // 4, which is the sum of those
	another("one has come")
	b.Close()
	attach().Close()
	another("one has come and died")
}

// TestCensusShared has one owner believe what another has seen, and that who takes a census is
// there.
func TestCensusShared(t *testing.T) {
	path := filepath.Join(t.TempDir(), "table")
	a, b, c, d := mustAttach(t, path, 4), mustAttach(t, path, 4), mustAttach(t, path, 4), mustAttach(t, path, 4)
	a.Census(0)
	all := b.Census(time.Hour)
	c.Close()
	if b.Census(time.Hour) != all {
		t.Error("asked the kernel for one who has just been seen alive")
	}
	without := a.Census(0)
	if without == all {
		t.Error("a death does not show")
	}
	if b.Census(time.Hour) != without {
		t.Error("believes in who has been seen dead")
	}
	d.word(d.Slot(), offSeen).Store(0)
	d.Census(time.Hour)
	d.Close()
	if b.Census(time.Hour) != without {
		t.Error("asked the kernel for one who has just taken a census")
	}
	dead := b.Census(0)
	b.Close() // and from then on, none of its probes tells it anything
	if b.Census(0) != dead {
		t.Error("asked the kernel for one who was seen dead")
	}
}

// TestCensusDoubt has the census see nothing of which it is not certain.
func TestCensusDoubt(t *testing.T) {
	path := filepath.Join(t.TempDir(), "table")
	a, b, c := mustAttach(t, path, 4), mustAttach(t, path, 4), mustAttach(t, path, 4)
	seen := a.word(b.Slot(), offSeen)
	unseen := func(what string) {
		t.Helper()
		if a.Census(0); seen.Load() != 0 {
			t.Errorf("%s was seen", what)
		}
	}
	namespace := a.word(b.Slot(), offNamespace)
	if home := namespace.Load(); home != 0 { // there are such things
		namespace.Store(home + 1)
		unseen("one of another namespace, who may have left a child with its lock")
		namespace.Store(home)
	}
	b.Close()
	c.Hold(b.Slot(), func() { unseen("who holds the slot of the dead") })
	before := a.Census(time.Hour) // it is dead by now
	seen.Store(uint64(time.Now().Add(time.Hour).UnixNano()))
	if a.Census(2*time.Hour) != before {
		t.Error("believes in a time to come")
	}

	seen.Store(0)
	d := mustAttach(t, path, 4)
	if d.Slot() != b.Slot() {
		t.Fatal("the slot of the dead is not taken")
	}
	b.Census(0)
	unseenBy := func(what string) {
		t.Helper()
		if seen.Load() != 0 {
			t.Errorf("%s has seen somebody", what)
		}
	}
	unseenBy("the last owner of the slot")
	a.Close()
	a.Census(0)
	unseenBy("one whose probes fail")
}

func BenchmarkCensus(b *testing.B) {
	for age, name := range map[time.Duration]string{0: "probed", time.Hour: "seen"} {
		for _, n := range []int{10, 100, 300, 1000} {
			b.Run(fmt.Sprintf("%s/%d", name, n), func(b *testing.B) {
				path := filepath.Join(b.TempDir(), "table")
				var t *Table
				for range n {
					table, m, err := attach(path, n)
					if err != nil {
						b.Fatal(err)
					}
					defer func() { table.Close(); m.Unmap() }()
					t = table
				}
				for b.Loop() {
					t.Census(age)
				}
			})
		}
	}
}

// TestCensusOfHolder takes a census while one who lives gives back a slot that it merely held:
// nothing may say that it is dead (Invariant 2).
func TestCensusOfHolder(t *testing.T) {
	proctest.NoLeaks(t)
	slot, a, c := heldUntilAsked(t)
	c.Census(0)
	if c.word(slot, offSeen).Load() == seenDead|uint64(a.ID()) {
		t.Error("who held the slot is dead, says the table")
	}
	if c.Dead(a.ID()) {
		t.Error("who held the slot is dead")
	}
}
