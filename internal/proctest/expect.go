package proctest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

// A Fataler is a test, or a helper in a process of its own.
type Fataler interface {
	Helper()
	Fatalf(format string, args ...any)
}

// Check calls t.Fatalf if err is not nil.
func Check(t Fataler, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("%v", err)
	}
}

// Must unpacks a result that may not be an error: Must(f())(t).
func Must[T any](v T, err error) func(t Fataler) T {
	return func(t Fataler) T {
		t.Helper()
		Check(t, err)
		return v
	}
}

// Until waits for a condition that other goroutines or processes bring about.
func Until(t Fataler, what string, condition func() bool) {
	t.Helper()
	for start := time.Now(); !condition(); time.Sleep(50 * time.Microsecond) {
		if time.Since(start) > Timeout() {
			t.Fatalf("not within %v: %s", Timeout(), what)
		}
	}
}

// Go calls f in a goroutine, and returns the channel of its result.
func Go[T any](f func() T) <-chan T {
	c := make(chan T, 1)
	go func() { c <- f() }()
	return c
}

// Result receives from a channel made by [Go].
func Result[T any](t Fataler, c <-chan T) (v T) {
	t.Helper()
	select {
	case v = <-c:
	case <-time.After(Timeout()):
		t.Fatalf("no result within %v", Timeout())
	}
	return v
}

// Prompt logs how long something took since start, and fails the test if it was
// too long even for a busy machine.
func Prompt(t testing.TB, what string, start time.Time) {
	t.Helper()
	limit := Timeout() / 12
	took := time.Since(start)
	t.Logf("%s after %v", what, took.Round(10*time.Microsecond))
	if took > limit {
		t.Errorf("%s after %v, expected %v at most", what, took, limit)
	}
}

// PanicOf returns what f panics with, nil if it does not.
func PanicOf(f func()) (r any) {
	defer func() { r = recover() }()
	f()
	return nil
}

// WantError checks that err is the sentinel, and that its text has the parts.
func WantError(t testing.TB, what string, err, is error, parts ...string) {
	t.Helper()
	if !errors.Is(err, is) {
		t.Errorf("%s: the error is %v, expected %v", what, err, is)
		return
	}
	WantText(t, what, err, append(parts, "isthmus: ")...)
}

// WantText checks that an error, or what a panic was given, has the parts.
func WantText(t testing.TB, what string, v any, parts ...string) {
	t.Helper()
	text := fmt.Sprint(v)
	for _, part := range parts {
		if !strings.Contains(text, part) {
			t.Errorf("%s: %q, expected %q in it", what, text, part)
		}
	}
}

// Random returns random choices of a new seed, which a failed test prints.
func Random(t testing.TB) *rand.Rand {
	seed := rand.Uint64()
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the seed was %#x", seed)
		}
	})
	return rand.New(rand.NewPCG(seed, 0))
}
