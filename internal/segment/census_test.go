package segment

import (
	"testing"
	"time"

	"github.com/isthmus-go/isthmus/internal/proctest"
)

// TestCensus has attachments come, be closed, and be closed under the one that asks.
func TestCensus(t *testing.T) {
	proctest.NoLeaks(t)
	proctest.Dir(t)
	a := mustCreate(t, "s", nil)
	var last uint64
	another := func(what string) {
		t.Helper()
		n := a.Census(0)
		if n == last || n != a.Census(0) {
			t.Errorf("%s: the census is %d, after %d", what, n, last)
		}
		last = n
	}
	another("one")
	b := mustOpen(t, "s")
	another("another has come")
	if a.Census(time.Hour) != last {
		t.Error("the age of a census changes it")
	}
	proctest.Check(t, b.Close())
	another("it was closed")
	proctest.Check(t, a.Close())
	another("this one was closed")
	if last != closedCensus {
		t.Error("a Segment that is closed looks at the table")
	}
}
