package storm

import (
	"context"
	"math/rand/v2"
	"testing"

	"github.com/isthmus-go/isthmus/internal/proctest"
)

func TestMain(m *testing.M) { proctest.Main(m) }

var background = context.Background()

// fataler is a test, or a helper in a process of its own.
type fataler interface {
	Fatalf(format string, args ...any)
}

func check(t fataler, err error) {
	if err != nil {
		t.Fatalf("%v", err)
	}
}

// must unpacks a result that may not be an error: must(f())(t).
func must[T any](v T, err error) func(t fataler) T {
	return func(t fataler) T {
		check(t, err)
		return v
	}
}

func newRand(seed, stream uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, stream)) }
