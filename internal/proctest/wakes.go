package proctest

import (
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/isthmus-go/isthmus/internal/wait"
)

const (
	envMortal = "ISTHMUS_PROCTEST_MORTAL" // set in helpers of a test that calls Mortal

	// lifelong bounds the sleeps where nobody dies, and nobody may need a bound.
	lifelong = 10 * time.Second
)

var (
	bound   = wait.Slice()
	excused int64 // how often this process overslept in tests that call Mortal
)

// Mortal is for a test in which somebody dies, is paused, closes a segment under
// those who wait, spoils the memory or has no futex to wake others by, so that
// some sleeps end by their bound: it gives them their usual one. Everywhere else
// Main lets sleeps last until they are woken, or for so long that nobody can
// overlook it, and fails a process in which one has ended by its bound although
// what it waited for had come.
// Call it before any helper starts. The test must not be parallel.
func Mortal(t testing.TB) {
	t.Helper()
	before := wait.Overslept()
	t.Setenv(envMortal, "1")
	wait.SetSlice(bound)
	t.Cleanup(func() {
		excused += wait.Overslept() - before
		wait.SetSlice(lifelong)
	})
}

// sleepLong gives sleeps the bound of those who live.
func sleepLong() {
	if os.Getenv(envMortal) == "" {
		wait.SetSlice(lifelong)
	}
}

// lostWakes says how many wake-ups this process has missed, if any.
func lostWakes() (faults []string) {
	if n := wait.Overslept() - excused; n != 0 && os.Getenv(envMortal) == "" {
		faults = append(faults, fmt.Sprintf("%d wake-ups were lost", n))
	}
	return faults
}
