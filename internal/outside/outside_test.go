package outside

import (
	"slices"
	"strings"
	"testing"

	// What the test depends on, for go test to know when it has to run again.
	_ "github.com/isthmus-go/isthmus/ring"
	_ "github.com/isthmus-go/isthmus/semaphore"
)

// TestUser compiles testdata/user for what its user may have.
func TestUser(t *testing.T) {
	for _, target := range [][]string{
		{"GOARCH=amd64", "GOAMD64=v1"},
		{"GOARCH=amd64", "GOAMD64=v3"},
		{"GOARCH=arm64"},
	} {
		t.Run(strings.Join(target, " "), func(t *testing.T) {
			l := compile(t, target...)
			if len(l.users) == 0 || len(l.instances) == 0 {
				t.Fatal("the listing has no function of the user's, or no instance")
			}
			t.Run("HotPaths", func(t *testing.T) { testHotPaths(t, l) })
			t.Run("Bodies", func(t *testing.T) { testBodies(t, l) })
		})
	}
}

// testHotPaths follows each operation for as long as nothing is in its way: it makes no
// call on the way but those to be followed.
func testHotPaths(t *testing.T, l *listing) {
	followed := slices.Clone(l.users)
	for i := 0; i < len(followed); i++ {
		fn := followed[i]
		calls, ok := l.calls[fn]
		if !ok {
			t.Errorf("the listing does not have %s", fn)
		}
		for _, callee := range calls {
			switch {
			case slices.Contains(hot, callee):
				add(&followed, callee)
			case !slices.Contains(slow, callee):
				t.Errorf("%s calls %s", fn, callee)
			}
		}
	}
}

// testBodies: what a function of this module calls is inlined, in the user's module too.
func testBodies(t *testing.T, l *listing) {
	for _, fn := range l.instances {
		for _, callee := range l.calls[fn] {
			if l.inlinable[callee] || strings.HasPrefix(callee, "sync/atomic.") {
				t.Errorf("%s calls %s", fn, callee)
			}
		}
	}
}
