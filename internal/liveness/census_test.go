package liveness

import (
	"path/filepath"
	"testing"
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
		if n != s.Census(0) {
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
