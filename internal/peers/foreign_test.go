package peers

import (
	"flag"
	"testing"

	"github.com/isthmus-go/isthmus/internal/proctest"
)

var (
	foreign  = flag.String("peers.foreign", "", "this test's binary as built for another architecture")
	mismatch = flag.String("peers.mismatch", "", "why the two cannot share a segment, empty if they can")
)

// TestForeign runs one of the processes from a binary of another architecture.
func TestForeign(t *testing.T) {
	proctest.Mortal(t)
	if *foreign == "" {
		t.Skip("there is no binary of another architecture: see -peers.foreign")
	}
	proctest.MaySkip("worker")
	work(t, &proctest.Options{Binary: *foreign}, "", "")
}
