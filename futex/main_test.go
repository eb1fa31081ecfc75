package futex_test

import (
	"context"
	"os"
	"runtime"
	"testing"

	"github.com/isthmus-go/isthmus/futex"
	"github.com/isthmus-go/isthmus/internal/proctest"
)

const envMode = "FUTEX_TEST_MODE"

// background is used where a test means: a context that cannot be cancelled.
var background = context.Background()

func TestMain(m *testing.M) {
	setMode(os.Getenv(envMode))
	proctest.Main(m)
}

func setMode(mode string) {
	if mode == "" {
		mode = futex.Modes[0]
	}
	futex.SetMode(mode)
}

// eachMode runs a test once for every way of waiting, here and in helpers.
func eachMode(t *testing.T, test func(t *testing.T)) {
	for _, mode := range futex.Modes {
		t.Run(mode, func(t *testing.T) {
			t.Setenv(envMode, mode)
			setMode(mode)
			defer setMode("")
			test(t)
		})
	}
}

// contextOf returns a context of a kind, one of contextKinds. The kinds wait by
// different system calls.
func contextOf(kind string) (context.Context, context.CancelFunc) {
	if kind == "cancellable" {
		return context.WithCancel(background)
	}
	return background, func() {}
}

var contextKinds = []string{"background", "cancellable"}

// wakeSleeper wakes a waiter without changing the word, where that is possible:
// the waiter sleeps then, or did.
func wakeSleeper(t *testing.T, addr *uint32) {
	t.Helper()
	if futex.Native() && runtime.GOOS != "freebsd" { // whose kernel does not count
		proctest.Until(t, "a waiter sleeps", func() bool { return futex.Wake(addr, 1) == 1 })
	}
}
