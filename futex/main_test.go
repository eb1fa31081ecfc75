package futex_test

import (
	"context"
	"os"
	"runtime"
	"testing"
	"time"

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

// until waits for a condition that other threads or processes bring about.
func until(t *testing.T, what string, condition func() bool) {
	t.Helper()
	for start := time.Now(); !condition(); time.Sleep(50 * time.Microsecond) {
		if time.Since(start) > proctest.Timeout() {
			t.Fatalf("not within %v: %s", proctest.Timeout(), what)
		}
	}
}

// start calls f in a goroutine, and returns the channel of its result.
func start[T any](f func() T) <-chan T {
	c := make(chan T, 1)
	go func() { c <- f() }()
	return c
}

// result receives from a channel made by start.
func result[T any](t *testing.T, c <-chan T) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(proctest.Timeout()):
		t.Fatalf("no result within %v", proctest.Timeout())
		panic("unreachable")
	}
}

// wakeSleeper wakes a waiter without changing the word, where that is possible:
// the waiter sleeps then, or did.
func wakeSleeper(t *testing.T, addr *uint32) {
	t.Helper()
	if futex.Native() && runtime.GOOS != "freebsd" { // whose kernel does not count
		until(t, "a waiter sleeps", func() bool { return futex.Wake(addr, 1) == 1 })
	}
}
