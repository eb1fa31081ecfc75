package history

import (
	"context"
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
