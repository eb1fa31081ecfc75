package ring_test

import (
	"context"
	"errors"
	"flag"
	"math/rand/v2"
	"os"
	"runtime/debug"
	"testing"
	"time"

	"github.com/isthmus-go/isthmus/futex"
	"github.com/isthmus-go/isthmus/internal/proctest"
	"github.com/isthmus-go/isthmus/internal/proctest/shared"
	"github.com/isthmus-go/isthmus/shm"
)

// TestMain runs the tests, or an example in one of the processes that it starts.
func TestMain(m *testing.M) {
	switch os.Getenv("ROLE") {
	case "consumer":
		Example()
		return
	case "crash":
		ExampleFailOnDeath()
	}
	proctest.Main(m)
}

var background = context.Background()

// checkIs fails the test unless err wraps want, or both are nil.
func checkIs(t proctest.Fataler, what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Fatalf("%s: got error %v, want %v", what, err, want)
	}
}

// newSegment makes the segment of a test, which ends in good time, or else in a
// panic that shows where it hangs.
func newSegment(t testing.TB) *shm.Segment {
	t.Helper()
	watchdog := time.AfterFunc(3*proctest.Timeout(), func() {
		debug.SetTraceback("all")
		panic(t.Name() + " hangs")
	})
	t.Cleanup(func() { watchdog.Stop() })
	proctest.Dir(t)
	s := proctest.Must(shm.Create(shared.Name, 4<<20, &shm.Options{MaxObjects: 1000}))(t)
	t.Cleanup(func() {
		if err := s.Close(); err != nil && !errors.Is(err, shm.ErrSegmentClosed) {
			t.Error(err)
		}
		if err := shm.Remove(shared.Name, nil); err != nil {
			t.Error(err)
		}
	})
	return s
}

var seedFlag = flag.Uint64("ring.seed", 0, "seed of the random choices, 0 for a new one")

// newSeed picks the seed of a test's random choices; a failed test prints it.
func newSeed(t testing.TB) uint64 {
	seed := *seedFlag
	if seed == 0 {
		seed = rand.Uint64()
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("run again with -ring.seed=%d", seed)
		}
	})
	return seed
}

func newRand(seed uint64, stream int) *rand.Rand {
	return rand.New(rand.NewPCG(seed, uint64(stream)))
}

// scaled returns n, or less of it where whoever waits has to poll, or everything
// is slow.
func scaled(n int) int {
	n = proctest.Scaled(n)
	if futex.Native() {
		return n
	}
	return max(1, n/8)
}
